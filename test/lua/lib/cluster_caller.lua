--- The start service of a node that calls another one once, and logs what came of it. Config: target, the address of a
--- cluster_peer; cluster_* as they are.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local other_node = require "other_node"

skynet.start(function()
	other_node.guard()
	cluster.reload { target = skynet.getenv "target" }
	local ok, value = pcall(cluster.call, "target", "@peer", "echo", "the echo")
	local e = not ok and cluster.error(value)
	skynet.error(string.format("result: %s, delivered %s: %s", tostring(ok), tostring(e and e.delivered), tostring(value)))
end)
