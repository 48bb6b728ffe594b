-- config: logger = "./node.log"
-- The lines of traced requests.
local skynet = require "skynet"
local cothread = require "skynet.coroutine"
local child = require "child"
local T = require "conform"

local function logged(pattern)
	return T.eventually(function() return (child.slurp "node.log" or ""):match(pattern) end, 1000, pattern)
end

local function line_here() return debug.getinfo(2, "l").currentline end

local line

skynet.dispatch("lua", function(_, _, what)
	if what == "sleep" then
		skynet.trace "sleeper"
		line = line_here() + 1
		skynet.sleep(1)
	elseif what == "call" then
		skynet.trace "caller"
		line = line_here() + 1
		skynet.call(skynet.self(), "lua")
	elseif what == "generator" then
		skynet.trace "generator"
		cothread.wrap(function() skynet.sleep(1) end)()
	end
	skynet.retpack()
end)

T.test("a call and a sleep tell the service's own place first", function()
	for what, name in pairs { sleep = "sleeper", call = "caller" } do
		skynet.call(skynet.self(), "lua", what)
		local tag = logged("<TRACE (%S+)> %d+ trace " .. name)
		logged(("<TRACE %s> %%d+ %s : @%%S+/trace%%.lua:%d[ \n]"):format(tag:gsub("%-", "%%-"), what, line))
	end
end)

T.test("a task that blocks in a coroutine of its own goes on and is traced", function()
	skynet.call(skynet.self(), "lua", "generator")
	local tag = logged "<TRACE (%S+)> %d+ trace generator"
	logged("<TRACE " .. tag:gsub("%-", "%%-") .. "> %d+ sleep")
	logged("<TRACE " .. tag:gsub("%-", "%%-") .. "> %d+ end")
end)

T.test("a text of tracelog is logged whole", function()
	skynet.tracelog("tag", ("y"):rep(3000) .. "end")
	logged "<TRACE tag> %d+ y+end\n"
end)

T.run()
