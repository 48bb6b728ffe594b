-- A watchdog of the service "gate" that never kicks anybody.
local skynet = require "skynet"

local events = {}

skynet.start(function()
	local gate = skynet.newservice "gate"
	skynet.dispatch("lua", function(_, _, cmd, ...)
		if cmd == "socket" then
			local event, id = ...
			events[#events + 1] = event
			if event == "open" then skynet.call(gate, "lua", "accept", id) end
		elseif cmd == "events" then
			skynet.retpack(events)
		else
			skynet.retpack(skynet.call(gate, "lua", cmd, ...))
		end
	end)
end)
