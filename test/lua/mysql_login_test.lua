-- needs: tls
-- skynet.db.mysql: how passwords are proved, with and without TLS, to scripted peers.
local skynet = require "skynet"
local mysql = require "skynet.db.mysql"
local tlshelper = require "http.tlshelper"
local crypt = require "skynet.crypt"
local peer = require "mysql_peer"
local T = require "harness"

local certfile, keyfile = skynet.getenv "certfile", skynet.getenv "keyfile"
local SHA2, NATIVE = "caching_sha2_password", "mysql_native_password"
-- Of the password "secret" and the peer's scramble, by Python's hashlib.
local SHA2_TOKEN = "7f7e3878fe488ed45081455d0d6e89e26d4ef86ef6c6aeed02397b6fe8ad5422"
local NATIVE_TOKEN = "4f1522d6eb54737eda413b3e219ca6caebe3df2c"

local function connect(port, conf)
	conf = conf or {}
	conf.host, conf.port = conf.host or "127.0.0.1", port
	conf.user, conf.password = "me", conf.password or "secret"
	return mysql.connect(conf)
end

local function run(command, input)
	local name = os.tmpname()
	if input then
		local file = assert(io.open(name, "wb"))
		file:write(input)
		file:close()
	end
	local out = assert(io.popen(command:format(name) .. " 2>/dev/null"))
	local text = out:read "*a"
	out:close()
	os.remove(name)
	return text
end

local public_key = run("openssl pkey -in " .. keyfile .. " -pubout")

-- What the client meant, by the server's private key.
local function decrypted(secret)
	local text = run("openssl pkeyutl -decrypt -inkey " .. keyfile .. " -pkeyopt rsa_padding_mode:oaep -in %s", secret)
	return crypt.xor_str(text, peer.scramble)
end

-- The parts of a login packet.
local function parsed(login)
	local zero = login:find("\0", 33, true)
	local size = login:byte(zero + 1)
	local token = login:sub(zero + 2, zero + 1 + size)
	local database, plugin = login:match("^([^%z]*)%z([^%z]*)%z$", zero + 2 + size)
	return { user = login:sub(33, zero - 1), token = crypt.hexencode(token), database = database, plugin = plugin }
end

-- A server whose handler may fail, and says so at the end.
local function server(serve)
	local port, failures = peer.listen(serve)
	return port, function() T.eq(failures, {}) end
end

-- The handshake of a server on a connection that has sent its greeting.
local function answer_tls(c)
	local request, number = c:receive()
	T.eq({ #request, number }, { 32, 1 })
	local context = tlshelper.newctx()
	context:set_cert(certfile, keyfile)
	local session = tlshelper.newtls("server", context)
	tlshelper.init_responsefunc(c.id, session)()
	local read = tlshelper.readfunc(c.id, session)
	c.send = tlshelper.writefunc(c.id, session)
	c.read = function(n)
		local ok, bytes = pcall(read, n)
		return ok and bytes or error(peer.gone, 0)
	end
end

-- ---- without TLS ------------------------------------------------------------------------------

T.test("a server without plugins gets a native token, and none is told", function()
	local login
	local port, check = server(function(c)
		c:write(peer.greeting { capabilities = 7 })
		login = c:receive()
		c:write(peer.ok(2))
		c:wait_for_end()
	end)
	connect(port):disconnect()
	T.eq(login:sub(33), "me\0\20" .. crypt.hexdecode(NATIVE_TOKEN) .. "\0")
	check()
end)

for plugin, token in pairs { [NATIVE] = NATIVE_TOKEN, [SHA2] = SHA2_TOKEN, ["client_ed25519"] = NATIVE_TOKEN } do
	T.test("the first token for a server of " .. plugin, function()
		local login, number
		local port, check = server(function(c)
			c:write(peer.greeting { plugin = plugin })
			login, number = c:receive()
			c:write(plugin == SHA2 and peer.packet(2, "\1\3") .. peer.ok(3) or peer.ok(2))
			c:wait_for_end()
		end)
		connect(port, { database = "base" }):disconnect()
		T.eq(number, 1)
		T.eq(parsed(login), { user = "me", token = token, database = "base", plugin = plugin == SHA2 and SHA2 or NATIVE })
		check()
	end)
end

T.test("local files are never offered", function()
	local login
	local port = server(function(c)
		login = c:accept()
		c:wait_for_end()
	end)
	connect(port):disconnect()
	T.eq(math.floor(login:byte(1) / 0x80) % 2, 0)
end)

T.test("an empty password is an empty token, whatever the plugin", function()
	local tokens = {}
	local port, check = server(function(c)
		c:write(peer.greeting { plugin = SHA2 })
		tokens[1] = parsed(c:receive()).token
		c:write(peer.packet(2, "\254" .. NATIVE .. "\0" .. peer.scramble .. "\0"))
		tokens[2] = c:receive()
		c:write(peer.ok(4))
		c:wait_for_end()
	end)
	connect(port, { password = "" }):disconnect()
	T.eq(tokens, { "", "" })
	check()
end)

for from, to in pairs { [NATIVE] = SHA2, [SHA2] = NATIVE } do
	T.test("a switch from " .. from .. " to " .. to .. " is followed with the scramble it brings", function()
		local token, number
		local port, check = server(function(c)
			c:write(peer.greeting { plugin = from })
			c:receive()
			c:write(peer.packet(2, "\254" .. to .. "\0" .. peer.scramble:reverse() .. "\0"))
			token, number = c:receive()
			c:write(to == SHA2 and peer.packet(4, "\1\3") .. peer.ok(5) or peer.ok(4))
			c:wait_for_end()
		end)
		connect(port):disconnect()
		local hash = to == SHA2 and crypt.sha256 or crypt.sha1
		local once = hash "secret"
		local mask = to == SHA2 and hash(hash(once) .. peer.scramble:reverse()) or hash(peer.scramble:reverse() .. hash(once))
		T.eq(crypt.hexencode(token), crypt.hexencode(crypt.xor_str(once, mask)))
		T.eq(number, 3)
		check()
	end)
end

-- A server that wants the password itself, encrypted. → port, check, what it got
local function wanting_password(key)
	local got = {}
	local port, check = server(function(c)
		c:write(peer.greeting { plugin = SHA2 })
		c:receive()
		c:write(peer.packet(2, "\1\4"))
		local payload, number = c:receive()
		got.first, got.first_number = payload, number
		if payload == "\2" then
			c:write(peer.packet(4, "\1" .. key))
			payload, number = c:receive()
		end
		got.secret, got.number = payload, number
		c:write(decrypted(payload) == "secret\0" and peer.ok(number + 1) or peer.failure(number + 1, 1045, "28000", "Access denied"))
		c:wait_for_end()
	end)
	return port, check, got
end

T.test("a password that the server has not seen lately goes encrypted by the server's key", function()
	local port, check, got = wanting_password(public_key)
	connect(port):disconnect()
	T.eq({ got.first, got.first_number, #got.secret, got.number }, { "\2", 3, 256, 5 })
	check()
end)

T.test("a key that the config has is not asked for", function()
	local port, check, got = wanting_password "no key"
	connect(port, { server_public_key = public_key }):disconnect()
	T.eq({ #got.first, got.number }, { 256, 3 })
	check()
end)

T.test("a server that sends no key is refused, and so is a wrong password", function()
	local port = wanting_password "no key"
	T.raises("not a public RSA key", connect, port)
	port = wanting_password ""
	T.raises("the server sends no public key", connect, port)
	port = wanting_password(public_key)
	T.raises("errno:1045, msg:Access denied", connect, port, { password = "wrong" })
	port = wanting_password(public_key)
	T.raises("too long a text", connect, port, { password = ("p"):rep(300) })
end)

T.test("a user or a database with a zero byte is refused: it would end there, and another field begin", function()
	for key, value in pairs { user = "me\0you", database = "shop\0" } do
		local conf = { host = "127.0.0.1", port = 1, user = "me", password = "secret" }
		conf[key] = value
		T.raises("mysql: " .. key, mysql.connect, conf)
	end
end)

T.test("what no server answers to a login is refused", function()
	local answers = {
		["old pre-4.1 authentication protocol not supported"] = peer.packet(2, "\254"),
		['the authentication plugin "no_such_plugin", which is not known here'] = peer.packet(2, "\254no_such_plugin\0abc\0"),
		["plugin \"\", which is not known"] = peer.eof(2),
		["answers the login by what is no answer"] = peer.packet(2, "\7\7"),
		["the login does not end"] = peer.packet(2, "\1\3"):rep(20),
		["is no answer"] = peer.packet(2, ""),
	}
	for what, bytes in pairs(answers) do
		local port = peer.listen(function(c)
			c:write(peer.greeting())
			c:receive()
			c:write(bytes)
			c:wait_for_end()
		end)
		T.raises(what, connect, port)
	end
end)

T.test("a password in clear is never sent outside TLS", function()
	local got
	local port = peer.listen(function(c)
		c:write(peer.greeting { plugin = NATIVE })
		c:receive()
		c:write(peer.packet(2, "\1\4")) -- of a plugin that was not agreed on
		got = c:receive()
	end)
	T.raises("is no answer", connect, port)
	T.eq(got, nil)
end)

-- ---- with TLS ---------------------------------------------------------------------------------

-- A server over TLS that wants the password itself, and answers one query. → port, check, what it got
local function secure()
	local got = {}
	local port, check = server(function(c)
		c:write(peer.greeting { plugin = SHA2, tls = true })
		answer_tls(c)
		local login, number = c:receive()
		got.login, got.login_number = parsed(login), number
		c:write(peer.packet(3, "\1\4"))
		got.secret, number = c:receive()
		c:write(got.secret == "secret\0" and peer.ok(number + 1) or peer.failure(number + 1, 1045, "28000", "Access denied"))
		while true do
			local payload = c:receive()
			c:drip((peer.rows({ { "echo", 253 } }, { peer.text(payload:sub(2)) })))
		end
	end)
	return port, check, got
end

T.test("over TLS the password goes as it is, and queries work", function()
	local port, check, got = secure()
	local db = connect(port, { ssl = true })
	T.eq(got.login, { user = "me", token = SHA2_TOKEN, database = "", plugin = SHA2 })
	T.eq({ got.login_number, got.secret }, { 2, "secret\0" })
	T.eq(db:query "first", { { echo = "first" } })
	local done = 0
	for i = 1, 5 do
		skynet.fork(function()
			if db:query("q" .. i)[1].echo == "q" .. i then done = done + 1 end
		end)
	end
	T.eventually(function() return done == 5 end)
	db:disconnect()
	T.raises("Access denied", connect, port, { ssl = true, password = "wrong" })
	check()
end)

T.test("a server is verified when the config says by whom", function()
	local port = secure()
	connect(port, { host = "localhost", ssl = { verify = true, cafile = certfile } }):disconnect()
	connect(port, { ssl = { verify = true, cafile = certfile, hostname = "localhost" } }):disconnect()
	local err = T.raises("TLS: ", connect, port, { ssl = { verify = true, cafile = certfile, hostname = "example.org" } })
	T.ok(err:find("mysql 127.0.0.1:" .. port, 1, true), err)
	T.raises("certificate verify failed", connect, port, { ssl = { verify = true } })
end)

T.test("a server without TLS gets nothing when TLS is wanted", function()
	local got
	local port = peer.listen(function(c)
		c:write(peer.greeting())
		got = c.read()
	end)
	T.raises("mysql 127.0.0.1:" .. port .. ": the server offers no TLS", connect, port, { ssl = true })
	T.eq(got, nil)
end)

T.test("what comes in clear behind the greeting is not taken for the server's word", function()
	local port = peer.listen(function(c)
		c:write(peer.greeting { tls = true } .. peer.ok(2))
		c:wait_for_end()
	end)
	T.raises("more before TLS than its greeting", connect, port, { ssl = true })
end)

T.test("a server that closes or talks nonsense in the handshake fails the connect", function()
	local port = peer.listen(function(c)
		c:write(peer.greeting { tls = true })
		c:receive()
	end)
	T.raises("[Error: socket]", connect, port, { ssl = true })
	port = peer.listen(function(c)
		c:write(peer.greeting { tls = true })
		c:receive()
		c:write(peer.ok(2))
		c:wait_for_end()
	end)
	T.raises("TLS: ", connect, port, { ssl = true })
end)

T.test("a handshake that stalls is given up in time", function()
	local port = peer.listen(function(c)
		c:write(peer.greeting { tls = true })
		c:wait_for_end()
	end)
	T.raises("timed out", connect, port, { ssl = true, timeout = 20 })
end)

T.run()
