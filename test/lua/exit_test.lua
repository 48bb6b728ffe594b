-- config: lua54 = "exiting"
-- What skynet.exit() closes, and in which order.
local skynet = require "skynet"
local T = require "harness"

local closed = {}

T.test("the task that exits is closed first, then those that block", function()
	local service = skynet.newservice "exiting"
	skynet.dispatch("lua", function(_, source, what)
		if source == service then closed[#closed + 1] = what end
	end)
	T.raises("call failed", skynet.call, service, "lua", "exit")
	T.eventually(function() return #closed >= 3 end)
	T.eq(closed[1], "own")
	table.sort(closed)
	T.eq(closed, { "call", "own", "sleep" })
end)

T.run()
