-- config: lua54 = "exiting"
-- What skynet.exit() closes, and in which order.
local skynet = require "skynet"
local T = require "harness"

-- What is closed when the service exits, in that order, once there is so much.
local function closed_at(command, count)
	local closed = {}
	local service = skynet.newservice "exiting"
	skynet.dispatch("lua", function(_, source, what)
		if source == service then closed[#closed + 1] = what end
	end)
	T.raises("call failed", skynet.call, service, "lua", command)
	T.eventually(function() return #closed >= count end)
	return closed
end

T.test("the task that exits is closed first, then those that block", function()
	local closed = closed_at("exit", 3)
	T.eq(closed[1], "own")
	table.sort(closed)
	T.eq(closed, { "call", "own", "sleep" })
end)

T.test("coroutines of skynet.coroutine that block are closed from the inside, with the task", function()
	local places = {}
	for place, what in ipairs(closed_at("coroutines", 6)) do places[what] = place end
	T.ok(places.inner < places.middle and places.middle < places.outer, T.show(places))
end)

T.test("a task that exits inside a coroutine of skynet.coroutine is closed from the inside", function()
	local closed = closed_at("exit in a coroutine", 4)
	T.eq({ closed[1], closed[2] }, { "own", "task" })
end)

T.run()
