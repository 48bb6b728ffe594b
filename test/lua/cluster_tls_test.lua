-- timeout: 120
-- TLS between the nodes of a cluster: links that work, peers that are not who they should be, new certificates.
local skynet = require "skynet"
local certs = require "cluster_certs"

-- clusterd reads them when it starts.
for key, file in pairs(certs.make("ca", "me,127.0.0.1")) do skynet.setenv(key, file) end

local cluster = require "skynet.cluster"
local socket = require "skynet.socket"
local other_node = require "other_node"
local T = require "harness"

local first_port = tonumber(skynet.getenv "port")

-- Starts a node that answers, at a port of its own, with the certificates of `config`; the cluster knows it as `name`.
local ports = 0
local function start(name, config)
	ports = ports + 1
	config.listen = first_port + ports
	local node = other_node.start("cluster_peer", config)
	node.address = "127.0.0.1:" .. config.listen
	T.eventually(function()
		local id = socket.open("127.0.0.1", config.listen)
		if id then socket.close(id) end
		return id
	end, 1000, "the node listens")
	cluster.reload { [name] = node.address }
	return node
end

local function status(node)
	local clusterd = skynet.localname ".clusterd"
	for _, link in ipairs(skynet.call(clusterd, "lua", "links")) do
		if link.node == node then return link end
	end
end

local peer

T.test("nodes call each other over TLS", function()
	peer = start("peer", certs.make("ca", "peer,127.0.0.1"))
	T.eq({ cluster.call("peer", "@peer", "echo", 1, "two", { 3 }) }, { 1, "two", { 3 } })
	for i = 1, 100 do cluster.send("peer", "@peer", "push", i) end
	local pushed = cluster.call("peer", "@peer", "pushed")
	T.eq(#pushed, 100)
	for i = 1, 100 do T.eq(pushed[i], i) end
	local e = cluster.error(T.raises("call failed", cluster.call, "peer", "@peer", "fail"))
	T.eq(e.delivered, "yes")
	T.eq({ status("peer").tls, status("peer").state }, { "TLSv1.3", "up" })
end)

T.test("messages of many sizes come as they were sent", function()
	for _, size in ipairs { 0, 1, 16000, 16384, 32767, 32768, 100000, 3000000 } do
		local text = ("0123456789abcdef"):rep(math.floor(size / 16) + 1):sub(1, size)
		T.ok(cluster.call("peer", "@peer", "echo", text) == text, size)
	end
end)

T.test("many callers get their own answers", function()
	local right, left = 0, 2000
	for i = 1, left do
		skynet.fork(function()
			local text = ("x"):rep(i % 300)
			local n, back = cluster.call("peer", "@peer", "echo", i, text)
			if n == i and back == text then right = right + 1 end
			left = left - 1
		end)
	end
	T.eventually(function() return left == 0 end)
	T.eq(right, 2000)
	T.eq(status("peer").connections, 1)
end)

T.test("a plain node that calls a TLS node hears why it is not answered", function()
	local caller = other_node.start("cluster_caller", { target = peer.address })
	local line = caller:await_log("result: [^\n]*")
	T.ok(line:find("false, delivered no", 1, true), line)
	T.ok(line:find("node target at " .. peer.address .. ", address @peer: not delivered: the node takes TLS only", 1, true), line)
	peer:await_log("the node at 127.0.0.1:%d+ speaks plainly, this one takes TLS only %(cluster_cert%)")
	caller:signal "KILL"
end)

T.test("a TLS node that calls a plain node hears that it has no TLS", function()
	local plain = start("plain", {})
	local e = cluster.error(T.raises("call failed", cluster.call, "plain", "@peer", "echo"))
	T.eq({ e.delivered, e.node, e.host, e.cause }, { "no", "plain", plain.address, "the port has no TLS: does the config of its node have cluster_cert?" })
	plain:await_log("the node at 127.0.0.1:%d+ speaks TLS, the config of this one has no cluster_cert")
	plain:signal "KILL"
end)

T.run(3000)
