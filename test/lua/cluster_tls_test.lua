-- timeout: 120
-- config: enablessl = true
-- TLS between the nodes of a cluster: links that work, peers that are not who they should be, new certificates.
local skynet = require "skynet"
local certs = require "cluster_certs"

-- clusterd reads them when it starts.
for key, file in pairs(certs.make("ca", "me,127.0.0.1")) do skynet.setenv(key, file) end
skynet.setenv("cluster_compress", "256")

local cluster = require "skynet.cluster"
local socket = require "skynet.socket"
local tlshelper = require "http.tlshelper"
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

T.test("small messages go on beside a large one", function()
	local size = 100 * 1024 * 1024
	local big
	skynet.fork(function() big = #cluster.call("peer", "@peer", "big", size) end)
	local small = 0
	T.eventually(function()
		cluster.call("peer", ".second", "echo", 1)
		small = small + 1
		return big
	end, 100000)
	T.eq(big, size)
	T.ok(small > 20, "small calls beside it: " .. small)
end)

T.test("TLS and compression go together", function()
	local packing = start("packing", certs.files("ca", "peer", { cluster_compress = 256 }))
	-- The first request asks whether the node compresses.
	T.eventually(function()
		cluster.call("packing", "@peer", "echo")
		return status("packing").compression
	end)
	for _, size in ipairs { 10, 5000, 30000, 1000000 } do
		local text = ("so much of the same "):rep(math.floor(size / 20))
		T.ok(cluster.call("packing", "@peer", "echo", text) == text, size)
	end
	local link = status "packing"
	T.eq({ link.compression, link.tls }, { "zstd", "TLSv1.3" })
	T.ok(link.saved_out > 900000, link.saved_out)
	packing:signal "KILL"
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

-- The cause of a call that cannot be delivered to the node.
local function refusal(node)
	local e = cluster.error(T.raises("call failed", cluster.call, node, "@peer", "echo"))
	T.eq({ e.delivered, e.node }, { "no", node })
	return e.cause
end

-- What a node with this config gets that calls the peer.
local function result_of(config)
	config.target = peer.address
	local caller = other_node.start("cluster_caller", config)
	local line = caller:await_log "result: [^\n]*"
	caller:signal "KILL"
	return line
end

T.test("a node whose certificate is of another authority is refused, on both sides", function()
	local stranger = start("stranger", certs.make("other_ca", "stranger,127.0.0.1"))
	T.ok(refusal("stranger"):find("certificate verify failed", 1, true))
	stranger:await_log "the connection of 127.0.0.1:%d+: the TLS handshake has failed: [^\n]*unknown ca"
	stranger:signal "KILL"
	-- It trusts us, but we do not trust it: with TLS 1.3 its own handshake is done before it hears so.
	local config = certs.files("other_ca", "stranger")
	config.cluster_ca = "ca/ca-cert.pem"
	local line = result_of(config)
	T.ok(line:find("false, delivered no", 1, true) and line:find("unknown ca", 1, true), line)
	peer:await_log "the connection of 127.0.0.1:%d+: the TLS handshake has failed: [^\n]*certificate verify failed"
end)

T.test("a certificate that has expired is refused, and its own node says so", function()
	local expired = start("expired", certs.make("ca", "expired,127.0.0.1", -1))
	expired:await_log "other nodes will refuse the certificate in ca/expired%-cert.pem: it has expired"
	local cause = refusal "expired"
	T.ok(cause:find("certificate has expired", 1, true), cause)
	expired:await_log "the connection of 127.0.0.1:%d+: [^\n]*certificate expired"
	expired:signal "KILL"
	local line = result_of(certs.files("ca", "expired"))
	T.ok(line:find("false, delivered no", 1, true) and line:find("certificate expired", 1, true), line)
	peer:await_log "the connection of 127.0.0.1:%d+: [^\n]*certificate has expired"
end)

T.test("a client without a certificate is refused", function()
	local context = tlshelper.newctx { alpn = { "skynet-cluster/1" } }
	local id = assert(socket.open("127.0.0.1", first_port + 1))
	local tls = tlshelper.newtls("client", context)
	tlshelper.init_requestfunc(id, tls)()
	local ok, err = pcall(tlshelper.readfunc(id, tls))
	T.ok(not ok and tostring(err):find("certificate required", 1, true), err)
	socket.close(id)
	peer:await_log "the connection of 127.0.0.1:%d+: [^\n]*peer did not return a certificate"
end)

T.test("TLS that is not a cluster's is refused", function()
	local context = tlshelper.newctx { alpn = { "h2" } }
	local id = assert(socket.open("127.0.0.1", first_port + 1))
	local ok, err = pcall(tlshelper.init_requestfunc(id, tlshelper.newtls("client", context)))
	T.ok(not ok and tostring(err):find("no application protocol", 1, true), err)
	socket.close(id)
	peer:await_log "the connection of 127.0.0.1:%d+: [^\n]*no application protocol"
end)

-- A listener that hands each connection to f.
local function serve(name, f)
	local id, host, port = socket.listen("127.0.0.1", 0)
	socket.start(id, function(fd)
		socket.start(fd)
		skynet.fork(f, fd)
	end)
	cluster.reload { [name] = host .. ":" .. port }
	return function() socket.close(id) end
end

T.test("a handshake that stalls ends after 5 seconds, others go on meanwhile", function()
	local stop = serve("mute", function(fd) socket.read(fd) end)
	local fd = assert(socket.open("127.0.0.1", first_port + 1))
	socket.write(fd, "\22\3\1")
	local cause, ended
	skynet.fork(function() cause = refusal "mute" end)
	skynet.fork(function() ended = not socket.read(fd) end)
	for i = 1, 100 do T.eq(cluster.call("peer", "@peer", "echo", i), i) end
	T.eventually(function() return cause and ended end, 1500)
	T.eq(cause, "the TLS handshake is not done in 5 seconds: does its config have cluster_cert?")
	peer:await_log "the connection of 127.0.0.1:%d+: the TLS handshake is not done in 5 seconds"
	stop()
end)

T.test("a peer that closes in the handshake is told as such", function()
	local stop = serve("closing", function(fd)
		socket.read(fd)
		socket.close(fd)
	end)
	T.eq(refusal "closing", "the peer closed the connection in the TLS handshake: does its config have cluster_cert?")
	stop()
end)

T.test("bytes that are no record end the link with the cause, and the next call makes a new one", function()
	-- Between this node and the peer stands somebody who changes a byte once it is told to.
	local wrong, ends = false, {}
	local stop = serve("through", function(fd)
		local to = assert(socket.open("127.0.0.1", first_port + 1))
		ends = { fd, to }
		skynet.fork(function()
			while true do
				local bytes = socket.read(to)
				if not bytes then break end
				if wrong then bytes = bytes:sub(1, -2) .. string.char((bytes:byte(-1) + 1) % 256) end
				socket.write(fd, bytes)
			end
		end)
		while true do
			local bytes = socket.read(fd)
			if not bytes then break end
			socket.write(to, bytes)
		end
		socket.close(to)
	end)
	T.eq(cluster.call("through", "@peer", "echo", 1), 1)
	wrong = true
	local e = cluster.error(T.raises("call failed", cluster.call, "through", "@peer", "echo", 2))
	T.eq(e.delivered, "maybe")
	T.ok(e.cause:find("TLS: ", 1, true) and e.cause:find("bad record mac", 1, true), e.cause)
	wrong = false
	T.eq(cluster.call("through", "@peer", "echo", 3), 3)
	stop()
	for _, id in ipairs(ends) do socket.close(id) end
end)

T.test("random bytes on its port do not disturb others", function()
	for i = 1, 50 do
		local id = assert(socket.open("127.0.0.1", first_port + 1))
		local bytes = {}
		for j = 1, 200 do bytes[j] = string.char((i * 7919 + j * j * 104729) % 256) end
		socket.write(id, (i % 2 == 0 and "\22\3\1" or "") .. table.concat(bytes))
		socket.close(id)
	end
	T.eq(cluster.call("peer", "@peer", "echo", "there"), "there")
	T.eq(status("peer").connections, 1)
end)

T.test("a node is taken by its name or host only, when that is asked for", function()
	local config = certs.make("ca", "verifier")
	config.cluster_verify_name = "true"
	local line = result_of(config)
	T.ok(line:find("result: true", 1, true), line) -- by its host
	certs.make("ca", "peer,elsewhere.example")
	local named = start("named", certs.files("ca", "peer"))
	local before = peer
	peer = named
	line = result_of(config)
	T.ok(line:find("the certificate of the peer is neither for target nor for 127.0.0.1", 1, true), line)
	certs.make("ca", "target,elsewhere.example")
	peer = start("target", certs.files("ca", "target"))
	line = result_of(config)
	T.ok(line:find("result: true", 1, true), line) -- by its name
	peer:signal "KILL"
	named:signal "KILL"
	peer = before
end)

T.test("a peer that is killed fails the calls in flight, and one that is back is called again", function()
	local left, maybe = 200, 0
	for i = 1, left do
		skynet.fork(function()
			local _, err = pcall(cluster.call, "peer", "@peer", "hold", i)
			local e = cluster.error(err)
			if e and e.delivered == "maybe" then maybe = maybe + 1 end
			left = left - 1
		end)
	end
	T.eventually(function() return cluster.call("peer", "@peer", "held") == 200 end, 1000)
	peer:signal "KILL"
	T.eventually(function() return left == 0 end, 1000)
	T.eq(maybe, 200)
	T.eq(refusal "peer", "Connection refused")
	local config = certs.files("ca", "peer")
	config.listen = first_port + 1
	local address = peer.address
	peer = other_node.start("cluster_peer", config)
	peer.address = address
	T.eventually(function() return (pcall(cluster.call, "peer", "@peer", "echo", 1)) end, 1000)
end)

T.run(3000)
