-- config: thread = 4
-- Services that do not let their workers go delay nobody else while a worker is free. Nothing here measures time: the busy
-- ones end when the others have done their work, and give up after a minute.
local skynet = require "skynet"
local net = require "net"
local T = require "harness"

local WORKERS = 4
local FRIENDS = 5

local told = 0

-- Runs f while `busy` services hold a worker each, after having woken some others.
local function beside(busy, f)
	local key = "end_of_busy_" .. busy
	local waits = {}
	told = 0
	for i = 1, busy do
		local friends = {}
		for j = 1, FRIENDS do friends[j] = skynet.newservice("friend", skynet.self()) end
		waits[i] = net.async(skynet.call, skynet.newservice "busy", "lua", key, friends)
	end
	T.eventually(function() return told == busy * FRIENDS end, 3000, "those whom the busy services woke")
	f()
	skynet.setenv(key, "now")
	for i = 1, busy do T.eq(waits[i](), "was told") end
end

local function work()
	local echo = skynet.newservice "echo"
	for i = 1, 1000 do T.eq(skynet.call(echo, "lua", "echo", i), i) end
	skynet.sleep(1)
	skynet.send(echo, "lua", "exit")
end

for busy = 1, WORKERS - 1 do
	T.test(busy .. " busy services delay nobody else", function() beside(busy, work) end)
end

skynet.dispatch("lua", function() told = told + 1 end)
T.run(7000)
