-- config: thread = 1
-- A flooded service and others on one worker: whose turn comes when. Nothing here measures time.
local skynet = require "skynet"
local T = require "harness"

local FLOOD = 1000000

T.test("a million messages for one service do not hold the worker", function()
	local flooded, echo = skynet.newservice "flooded", skynet.newservice "echo"
	for _ = 1, FLOOD do skynet.send(flooded, "lua", "count") end
	local handled
	skynet.fork(function() handled = skynet.call(flooded, "lua") end)
	-- Each call takes some turns of the worker, and a turn handles a few dozen messages at most.
	for i = 1, 100 do T.eq(skynet.call(echo, "lua", "echo", i), i) end
	T.eq(handled, nil)
	T.eventually(function() return handled end, 6000)
	T.eq(handled, FLOOD)
	skynet.send(echo, "lua", "exit")
end)

T.test("calls, timers and new services come through a flood that does not end", function()
	local flooded = skynet.newservice "flooded"
	skynet.send(flooded, "lua", "feed_on")
	for _ = 1, 1000 do skynet.send(flooded, "lua", "feed") end
	local before = skynet.call(flooded, "lua")
	for _ = 1, 10 do
		skynet.sleep(1)
		local echo = skynet.newservice "echo"
		T.eq(skynet.call(echo, "lua", "echo", "x"), "x")
		skynet.send(echo, "lua", "exit")
	end
	T.ok(skynet.call(flooded, "lua") > before)
	skynet.send(flooded, "lua", "feed_off")
	-- What is in the mailbox then is the last of it.
	T.eventually(function()
		local count = skynet.call(flooded, "lua")
		return count == skynet.call(flooded, "lua")
	end)
end)

T.run(6000)
