--- One node with every server of the network benchmark. Which port each has is in the config: `net_ports`, a list
--- such as "raw=7001 gate=7002".
local skynet = require "skynet"

skynet.start(function()
	for kind, port in skynet.getenv "net_ports":gmatch "(%a+)=(%d+)" do
		if kind == "gate" then
			local gate = skynet.newservice "net_gate"
			skynet.call(gate, "lua", "open", {
				address = "127.0.0.1", port = tonumber(port), maxclient = 4096, nodelay = true,
			})
		elseif kind == "wsgate" then
			skynet.newservice("net_wsgate", port)
		elseif kind == "relay" or kind == "sink" or kind == "collect" then
			skynet.newservice("net_soak", kind, port)
		else
			skynet.newservice("net_echo", kind, port)
		end
	end
	print "NETREADY"
end)
