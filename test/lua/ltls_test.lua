-- needs: tls
-- ltls.c beyond skynet's interface: verification, ALPN, names, session ends.
local skynet = require "skynet"
local ltls = require "ltls.c"
local T = require "harness"

local cert, key = skynet.getenv "certfile", skynet.getenv "keyfile"

local function server_context(options)
	local context = ltls.newctx(options)
	context:set_cert(cert, key)
	return context
end

-- Carries bytes between two sessions until both are done. → both
local function connect(client_options, host, server_options)
	local client = ltls.newtls("client", ltls.newctx(client_options), host)
	local server = ltls.newtls("server", server_context(server_options))
	local to_server = client:handshake()
	repeat
		to_server = client:handshake(server:handshake(to_server))
	until client:finished()
	client:read(server:handshake(to_server))
	return client, server
end

T.test("an error of a certificate or a key names the file and the cause", function()
	local context = ltls.newctx()
	T.raises("of nowhere/cert.pem", context.set_cert, context, "nowhere/cert.pem", "nowhere/key.pem")
	T.raises("No such file", context.set_cert, context, "nowhere/cert.pem", "nowhere/key.pem")
	T.raises("of nowhere/key.pem", context.set_cert, context, cert, "nowhere/key.pem")
end)

T.test("a client that verifies accepts the name of the certificate only", function()
	local client, server = connect({ verify = true, cafile = cert }, "localhost")
	T.eq(server:read(client:write "x"), "x")
	T.eq(server:server_name(), "localhost")
	T.eq(client:version():sub(1, 4), "TLSv")
	local err = T.raises("hostname mismatch", connect, { verify = true, cafile = cert }, "elsewhere.test")
	T.ok(err:find("SSL_do_handshake error:1", 1, true), err)
	T.raises("certificate verify failed", connect, { verify = true }, "localhost")
end)

T.test("set_verify changes a context's mind", function()
	local context = ltls.newctx { verify = true, cafile = cert }
	context:set_verify(false)
	local client = ltls.newtls("client", context, "elsewhere.test")
	T.ok(client:handshake())
	T.raises("No such file", context.set_verify, context, true, "/no/such/file")
end)

T.test("ALPN", function()
	local client, server = connect({ alpn = { "h2", "http/1.1" } }, nil, { alpn = { "http/1.1" } })
	T.eq({ client:alpn(), server:alpn() }, { "http/1.1", "http/1.1" })
	client = connect()
	T.eq(select("#", client:alpn()), 0)
	T.raises("no application protocol", connect, { alpn = { "a" } }, nil, { alpn = { "b" } })
	T.raises("not a name", ltls.newctx, { alpn = { "" } })
	T.raises("not a name", ltls.newctx, { alpn = { {} } })
end)

T.test("an end that is said differs from a cut", function()
	local client, server = connect()
	T.eq(client:ended(), false)
	T.eq(client:read(server:write "bye" .. server:shutdown()), "bye")
	T.eq(client:ended(), true)
	T.eq(client:read(), "")
	T.eq(server:read(client:write "the other way is open"), "the other way is open")
	T.raises("SSL_write error", server.write, server, "too late")
	T.eq(server:write(), "")
end)

T.test("what was right before a bad record is given out first", function()
	local client, server = connect()
	T.eq(server:read(client:write "good" .. "\23\3\3\0\5abcde"), "good")
	local first = T.raises("SSL_read error", server.read, server)
	T.eq(T.raises("SSL_read error", server.read, server), first)
	T.ok(#server:write() > 0, "an alert")
end)

T.test("bytes that are no TLS raise, for good, and leave an alert at most", function()
	local random = T.random(11)
	local context = server_context()
	for _, bytes in ipairs {
		"GET / HTTP/1.1\r\n\r\n", "\22\3\1\255\255" .. ("x"):rep(65535), "\22\3\1\0\4\1\255\255\255", "\21\3\3\0\2\2\40",
		T.random_bytes(random, 11), T.random_bytes(random, 1000),
	} do
		local server = ltls.newtls("server", context)
		local ok, err = pcall(server.handshake, server, bytes)
		if not ok then
			T.ok(err:find("SSL_do_handshake error:", 1, true), err)
			T.within(#server:write(), 0, 100)
			T.eq(T.raises("SSL_do_handshake error:", server.handshake, server, "more"), err)
		end
		T.eq(server:finished(), false)
		server:close()
		T.raises("context is closed", server.read, server)
	end
end)

T.test("a record that is announced too large raises before it is there", function()
	local client, server = connect()
	T.raises("SSL_read error", server.read, server, "\23\3\3\255\255" .. ("x"):rep(100))
	T.eq(client:read(""), "")
end)

T.test("arguments that are none", function()
	local context = ltls.newctx()
	T.raises("table expected", ltls.newctx, "x")
	T.raises("ltls.context expected", ltls.newtls, "client", {})
	T.raises("ltls.context expected", context.set_cert, {}, "a", "b")
	T.raises("its own", context.add_name, context, "a.test", context)
	T.raises("no cipher match", context.set_ciphers, context, "nonsense")
	context:set_ciphers "TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256"
end)

T.test("1000 sessions are collected", function()
	local context = server_context()
	for _ = 1, 1000 do ltls.newtls("server", context) end
	collectgarbage()
	collectgarbage()
end)

T.run()
