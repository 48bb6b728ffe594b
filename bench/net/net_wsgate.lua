--- net_wsgate PORT: the native WebSocket gate, whose messages come here and are sent back.
local skynet = require "skynet"
local wsgate = require "skynet.wsgate"

local port = ...
local gate

wsgate.watch {
	open = function(_, id)
		wsgate.forward(gate, id, skynet.self())
		wsgate.start(gate, id)
	end,
}

skynet.register_protocol {
	name = "client",
	id = skynet.PTYPE_CLIENT,
	unpack = skynet.tostring,
	dispatch = function(id, _, bytes)
		skynet.ignoreret()
		wsgate.send(gate, id, bytes)
	end,
}

skynet.start(function()
	gate = wsgate.launch { address = "127.0.0.1", port = tonumber(port), maxclient = 4096 }
end)
