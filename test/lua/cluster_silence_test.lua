-- timeout: 60
-- A host that falls silent without a word, as when its cable is pulled: in a network of its own, whose only interface goes down.
local skynet = require "skynet"
local other_node = require "other_node"
local contents = require("cluster_wire").contents
local silence = require "silence"
local T = require "harness"

local port = skynet.getenv "port"

T.test("a call to a host that has fallen silent fails within seconds", function()
	local keys = { listen = port, cluster_dead_after = 2 }
	local peer = other_node.command("cluster_peer", keys)
	local caller, log = other_node.command("cluster_silent_caller", keys)
	if not silence(log, peer, caller) then
		skynet.error "this machine lets nobody make a network of its own: nothing to see"
		return
	end
	T.eventually(function() return contents(log):find("raised ", 1, true) end, 3000)
	local text = contents(log):match "raised ([^\n]*)"
	T.ok(text:find("maybe delivered: node peer at 127.0.0.1:" .. port, 1, true), text)
end)

T.run(4000)
