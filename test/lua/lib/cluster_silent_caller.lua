--- The start service of a node that calls one which falls silent. Prints "waiting" when a call is on its way, and then what
--- the call raises.
local skynet = require "skynet"
require "skynet.manager"
local cluster = require "skynet.cluster"
local other_node = require "other_node"

skynet.start(function()
	other_node.guard()
	cluster.reload { peer = "127.0.0.1:" .. skynet.getenv "listen" }
	skynet.fork(function()
		while not pcall(cluster.call, "peer", "@peer", "echo", 1) do skynet.sleep(1) end
		skynet.timeout(0, function() print "waiting" end)
		local _, err = pcall(cluster.call, "peer", "@peer", "hold")
		print("raised " .. tostring(err))
		skynet.abort()
	end)
end)
