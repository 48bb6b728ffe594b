-- needs: tls
-- TLS of skynet.db.mongo, and peers that are not who they should be.
local skynet = require "skynet"
local socket = require "skynet.socket"
local tlshelper = require "http.tlshelper"
local mongo = require "skynet.db.mongo"
local mongo_peer = require "mongo_peer"
local net = require "net"
local T = require "harness"

local CERT, KEY = skynet.getenv "certfile", skynet.getenv "keyfile"

local context = tlshelper.newctx()
context:set_cert(CERT, KEY)

-- A peer behind TLS; it counts the handshakes that went well.
local function secure_peer(answer, from)
	local peer
	peer = mongo_peer.new(answer, { hello = from and from.hello, host = from and from.host, secure = function(id)
		local tls = tlshelper.newtls("server", from and from.context or context)
		if not pcall(tlshelper.init_responsefunc(id, tls)) then return nil end
		peer.handshakes = (peer.handshakes or 0) + 1
		return tlshelper.readfunc(id, tls), tlshelper.writefunc(id, tls)
	end })
	return peer
end

local function client_of(peer, tls, host)
	return mongo.client { host = host or "localhost", port = peer.port, tls = tls }
end

T.test("commands and long replies go over TLS, also after the connection broke", function()
	local text = ("x"):rep(300000)
	local peer = secure_peer(function(command) return { "text", command.text or text, "ok", 1 } end)
	local client = client_of(peer, { ca_file = CERT })
	T.eq(client.db:runCommand("echo").text, text)
	T.eq(client.db:runCommand("echo", 1, "text", text .. "y").text, text .. "y")
	peer:stop()
	peer:start()
	T.eventually(function() return (pcall(client.runCommand, client, "ping")) end)
	T.eq(peer.handshakes, 2)
	client:disconnect()
	peer:stop()
end)

T.test("callers at once get their own replies over TLS", function()
	local peer = secure_peer(function(command) return { "n", command.echo, "ok", 1 } end)
	local client = client_of(peer, { ca_file = CERT })
	local wrong, left = 0, 200
	for i = 1, left do
		skynet.fork(function()
			if client.db:runCommand("echo", i).n ~= i then wrong = wrong + 1 end
			left = left - 1
		end)
	end
	T.eventually(function() return left == 0 end)
	T.eq(wrong, 0)
	client:disconnect()
	peer:stop()
end)

T.test("a connection string asks for TLS, compression goes through it", function()
	local peer = secure_peer(nil, { hello = function() return { "ismaster", true, "compression", { "zstd" }, "ok", 1 } end })
	local client = mongo.client("mongodb://localhost:" .. peer.port .. "/?tls=true&compressors=zstd&tlsCAFile=" .. CERT)
	T.eq(client:runCommand("ping").ok, 1)
	T.eq(peer:last("ping").compressor, "zstd")
	client:disconnect()
	peer:stop()
end)

T.test("a server with a certificate that nobody vouches for is refused, unless that is allowed", function()
	local peer = secure_peer()
	T.raises("certificate verify failed", client_of, peer, true)
	T.eq(#peer.commands, 0)
	local client = client_of(peer, { allow_invalid_certificates = true })
	T.eq(client:runCommand("ping").ok, 1)
	client:disconnect()
	peer:stop()
end)

T.test("a server with another one's certificate is refused, unless that is allowed", function()
	-- The certificate is for localhost.
	local peer = secure_peer(nil, { host = "127.0.0.2" })
	T.raises("certificate verify failed", client_of, peer, { ca_file = CERT }, "127.0.0.2")
	T.eq(#peer.commands, 0)
	local client = client_of(peer, { ca_file = CERT, allow_invalid_hostnames = true }, "127.0.0.2")
	T.eq(client:runCommand("ping").ok, 1)
	client:disconnect()
	peer:stop()
end)

T.test("a server that wants a certificate gets the client's", function()
	local strict = tlshelper.newctx { verify = true, cafile = CERT }
	strict:set_cert(CERT, KEY)
	local peer = secure_peer(nil, { context = strict })
	T.eq((pcall(client_of, peer, { ca_file = CERT })), false)
	local client = client_of(peer, { ca_file = CERT, cert_file = CERT, key_file = KEY })
	T.eq(client:runCommand("ping").ok, 1)
	client:disconnect()
	peer:stop()
end)

T.test("a server that speaks no TLS is refused with OpenSSL's reason", function()
	local listener, port = net.serve(function(id)
		socket.read(id)
		socket.write(id, "this is no TLS record\n")
	end)
	local err = T.raises("TLS: ", client_of, { port = port }, true)
	T.ok(err:find("mongo localhost:" .. port, 1, true), err)
	socket.close(listener)
end)

T.test("a server that closes in the handshake, or says nothing, fails the connect", function()
	local listener, port = net.serve(function(id) socket.read(id) end)
	T.eq((pcall(client_of, { port = port }, true)), false)
	socket.close(listener)
	listener, port = net.serve(function(id)
		while socket.read(id) do end
	end)
	T.raises("no answer to a log-in within 1 s", mongo.client,
		{ host = "localhost", port = port, tls = true, connect_timeout = 1 })
	socket.close(listener)
end)

T.test("files that are not there, and options that contradict each other, are refused", function()
	T.raises("nowhere.pem", mongo.client, { host = "localhost", port = 1, tls = { ca_file = "/nowhere.pem" } })
	T.raises("nowhere.pem", mongo.client, { host = "localhost", port = 1, tls = { cert_file = "/nowhere.pem" } })
	T.raises("tls=false", mongo.client, "mongodb://localhost/?tls=false&tlsCAFile=" .. CERT)
	T.raises("tlsInsecure", mongo.client, "mongodb://localhost/?tls=true&tlsInsecure=perhaps")
	T.raises("tls is true or a table", mongo.client, { host = "localhost", tls = "yes" })
end)

T.run()
