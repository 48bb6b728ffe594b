-- One service of storm_test.lua: does something at random, again and again, until it is told to stop or killed.
local skynet = require "skynet"
require "skynet.manager"

local storm, seed = ...
storm = tonumber(storm)
math.randomseed(tonumber(seed))

local LOOPS = 3 -- coroutines that act side by side

local peers = {}
local running = true
local ended = 0
local report = { calls = 0, sent = 0, set = 0, fired = 0 }
local command = {}
local actions = {}

local function complain(...) skynet.send(storm, "lua", "complaint", string.format(...)) end

function command.peers(list) peers = list end
function command.echo(value) return value end
function command.slowly(value)
	skynet.sleep(math.random(0, 2))
	return value
end
function command.refuse() skynet.response()(false) end
function command.later(value)
	local reply = skynet.response()
	skynet.timeout(math.random(0, 2), function() reply(true, value) end)
end

-- Ends the loops and waits for what is on its way.
function command.stop()
	running = false
	while ended < LOOPS or report.fired < report.set do skynet.sleep(1) end
	return report
end

-- Calls a peer, which may have died. An answer must be the right one.
local function call_peer(name)
	local peer = peers[math.random(#peers)]
	if not peer then return skynet.yield() end
	local value = math.random(1000000)
	local ok, answer = pcall(skynet.call, peer, "lua", name, value)
	if ok and answer ~= value then complain("%s of %d gave %s", name, value, tostring(answer)) end
	report.calls = report.calls + 1
end

actions[#actions + 1] = function() call_peer "echo" end
actions[#actions + 1] = function() call_peer "slowly" end
actions[#actions + 1] = function() call_peer "later" end

actions[#actions + 1] = function()
	local peer = peers[math.random(#peers)]
	if peer and pcall(skynet.call, peer, "lua", "refuse") then complain "a refusal was an answer" end
end

actions[#actions + 1] = function()
	for _ = 1, math.random(20) do
		report.sent = report.sent + 1
		skynet.send(storm, "lua", "item", report.sent)
	end
end

actions[#actions + 1] = function()
	report.set = report.set + 1
	skynet.timeout(math.random(0, 3), function() report.fired = report.fired + 1 end)
	skynet.sleep(math.random(0, 2))
end

-- A service that dies while it is called, at a random moment.
actions[#actions + 1] = function()
	if math.random(20) > 1 then return skynet.yield() end
	local child = skynet.newservice "storm_child"
	skynet.fork(function()
		skynet.sleep(math.random(0, 1))
		skynet.kill(child)
	end)
	if pcall(skynet.call, child, "lua", "never") then complain "a dead service answered" end
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		if name == "stop" or name == "echo" or name == "slowly" then
			skynet.retpack(command[name](...))
		else
			command[name](...)
		end
	end)
	for _ = 1, LOOPS do
		skynet.fork(function()
			while running do
				if #peers == 0 then
					skynet.sleep(1)
				else
					actions[math.random(#actions)]()
				end
			end
			ended = ended + 1
		end)
	end
end)
