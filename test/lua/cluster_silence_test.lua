-- timeout: 60
-- A host that falls silent without a word, as when its cable is pulled: in a network of its own, whose only interface goes down.
local skynet = require "skynet"
local other_node = require "other_node"
local contents = require("cluster_wire").contents
local T = require "harness"

local port = skynet.getenv "port"

-- How a network of one's own is made here; nil where that is not allowed.
local function unshare()
	for _, command in ipairs { "unshare -n", "unshare -rn" } do
		local status = os.execute(command .. " ip link set lo up 2>/dev/null")
		if status == true or status == 0 then return command end
	end
end

T.test("a call to a host that has fallen silent fails within seconds", function()
	local network = unshare()
	if not network then
		skynet.error "this machine lets nobody make a network of its own: nothing to see"
		return
	end
	local keys = { listen = port, cluster_dead_after = 2 }
	local peer = other_node.command("cluster_peer", keys)
	local caller, log = other_node.command("cluster_silent_caller", keys)
	local script = assert(io.open("silence.sh", "w"))
	script:write(string.format(
		"ip link set lo up\n%s & peer=$!\n%s & caller=$!\n" ..
		"for i in $(seq 300); do grep -q waiting %s && break; sleep 0.1; done\nip link set lo down\nwait $caller\nkill $peer\n",
		peer, caller, log))
	script:close()
	os.execute(network .. " sh silence.sh >/dev/null 2>&1 </dev/null &")
	T.eventually(function() return contents(log):find("raised ", 1, true) end, 3000)
	local text = contents(log):match "raised ([^\n]*)"
	T.ok(text:find("maybe delivered: node peer at 127.0.0.1:" .. port, 1, true), text)
end)

T.run(4000)
