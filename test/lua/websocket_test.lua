-- http.websocket beyond the conformance case: peers that misbehave, and the additions.
local skynet = require "skynet"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local websocket = require "http.websocket"
local codec = require "skynet.websocket.codec"
local sockethelper = require "http.sockethelper"
local net = require "net"
local T = require "harness"

-- A websocket server in this service; what its handlers hear and accept() returns lands in its log.
local function server(options, more)
	local log, results = {}, {}
	local handle = {}
	for _, name in ipairs { "connect", "handshake", "ping", "pong", "close", "error" } do
		handle[name] = function(...) log[#log + 1] = { name, select(2, ...) } end
	end
	function handle.message(id, data, kind)
		websocket.write(id, data, kind)
	end
	for name, f in pairs(more or {}) do handle[name] = f end
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id, address)
		results[#results + 1] = { websocket.accept(id, handle, "ws", address, options) }
	end)
	local s = { log = log, results = results, port = port, url = "ws://" .. net.host .. ":" .. port }
	function s.stop() socket.close(listener) end
	function s.result()
		return T.eventually(function() return table.remove(results, 1) end)
	end
	function s.heard(name)
		for _, e in ipairs(log) do
			if e[1] == name then return e end
		end
	end
	return s
end

local HANDSHAKE = net.handshake "/"

T.test("a handshake that a proxy may read otherwise is refused", function()
	local s = server()
	for _, line in ipairs { "Host: other", "Content-Length: 5", "Content-Length: x", "Transfer-Encoding: chunked", "X : y", "X: y\r\n z",
		"X: y\1" } do
		local id, answer = net.websocket(s.port, "/", line .. "\r\n")
		T.ok(answer and answer:find "^HTTP/1.1 400", line)
		socket.close(id)
		s.result()
	end
	local id, answer = net.websocket(s.port, "/", "Content-Length: 0\r\n")
	T.ok(answer:find "^HTTP/1.1 101", answer)
	socket.close(id)
	s.stop()
end)

T.test("a close frame with a code only tells its code", function()
	local s = server()
	local id = net.websocket(s.port, "/")
	socket.write(id, codec.frame(codec.CLOSE, "\3\232"))
	T.eq(s.result(), { true })
	T.eq(s.heard "close", { "close", 1000, "" })
	socket.close(id)
	s.stop()
end)

T.test("an empty close frame has no code", function()
	local s = server()
	local id = net.websocket(s.port, "/")
	socket.write(id, codec.frame(codec.CLOSE))
	T.eq(s.result(), { true })
	T.eq(s.heard "close", { "close" })
	socket.close(id)
	s.stop()
end)

T.test("a client answers a close frame", function()
	local got
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id)
		websocket.accept(id, {
			handshake = function()
				socket.write(id, codec.frame(codec.CLOSE, "\3\233bye"))
			end,
			close = function(_, code) got = code or "none" end,
		})
	end)
	local id = websocket.connect("ws://" .. net.host .. ":" .. port)
	T.eq({ websocket.read(id) }, { false, "\3\233bye" })
	T.eq(T.eventually(function() return got end), "none")
	socket.close(listener)
end)

T.test("a client may mask its frames and limit what it reads", function()
	local s = server()
	local id = websocket.connect(s.url, nil, nil, { mask = true, max = 1000 })
	for _, n in ipairs { 0, 1, 5, 125, 126, 1000 } do
		websocket.write(id, ("m"):rep(n), "binary")
		T.eq(websocket.read(id), ("m"):rep(n))
	end
	websocket.write(id, ("m"):rep(1001), "binary")
	T.raises("payload_len is too large", websocket.read, id)
	T.eq(websocket.is_close(id), true)
	s.stop()
end)

-- What a client says to a server whose first frame announces `length` bytes of which none come. → how its read ends, and
-- what the server gets
local function told(length, options)
	local got
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id)
		websocket.accept(id, {
			handshake = function()
				socket.write(id, "\130\127\0\0\0\0" .. string.char(math.floor(length / 2 ^ 24), math.floor(length / 65536) % 256,
					math.floor(length / 256) % 256, length % 256))
			end,
			close = function(_, code) got = code or "none" end,
		})
	end)
	local id = websocket.connect("ws://" .. net.host .. ":" .. port, nil, nil, options)
	local read = net.async(websocket.read, id)
	local ok, err = pcall(read)
	T.eq(websocket.is_close(id), true)
	T.eventually(function() return got end)
	socket.close(listener)
	return ok, err, got
end

T.test("a client does not wait for a frame above its bound: it closes with 1009 and says so", function()
	local MB = 1024 * 1024
	T.eq({ told(64 * MB + 1) }, { false, "payload_len is too large: above 67108864 bytes, the max of this side", 1009 })
	T.eq({ told(1001, { max = 1000 }) }, { false, "payload_len is too large: above 1000 bytes, the max of this side", 1009 })
end)

T.test("a bound that is no number of bytes is an error of the caller", function()
	for _, max in ipairs { "much", -1, 1.5 } do
		T.raises("websocket: max is no number of bytes", websocket.connect, "ws://" .. net.host .. ":1", nil, nil, { max = max })
	end
end)

T.test("sub-protocols are the caller's choice", function()
	local s = server { protocols = { "mqtt", "soap" } }
	local id, answer = net.websocket(s.port, "/", "Sec-WebSocket-Protocol: wamp, soap\r\nSec-WebSocket-Protocol: mqtt\r\n")
	T.ok(answer:find("\r\nSec-WebSocket-Protocol: soap", 1, true), answer)
	socket.close(id)
	id, answer = net.websocket(s.port, "/", "Sec-WebSocket-Protocol: chat\r\n")
	T.ok(answer:find("^HTTP/1.1 400"), answer)
	socket.close(id)
	s.stop()
end)

T.test("a client that does not finish its handshake is cut off", function()
	local s = server { handshake_time = 20 }
	local silent, slow = assert(socket.open(net.host, s.port)), assert(socket.open(net.host, s.port))
	socket.write(slow, "GET / HTTP/1.1\r\n")
	local id = net.websocket(s.port, "/")
	T.eq({ socket.read(silent) }, { false, "" })
	T.eq({ socket.read(slow) }, { false, "" })
	-- the one that has finished is left alone
	socket.write(id, codec.frame(codec.TEXT, "here"))
	T.eq(socket.read(id, 6), codec.frame(codec.TEXT, "here"))
	for _, c in ipairs { silent, slow, id } do socket.close(c) end
	s.stop()
end)

T.test("a peer that vanishes while a handler writes ends with error, not with a raise", function()
	local s = server(nil, {
		message = function(id)
			socket.shutdown(id)
			for _ = 1, 1000 do
				websocket.write(id, ("x"):rep(10000))
				skynet.yield()
			end
		end,
	})
	local id = net.websocket(s.port, "/")
	socket.write(id, codec.frame(codec.TEXT, "go"))
	T.eq(s.result(), { true })
	T.ok(s.heard "error")
	T.eq(s.heard "close", nil)
	socket.close(id)
	s.stop()
end)

T.test("a close from another task ends the session with one close", function()
	local at
	local s = server(nil, { handshake = function(id) at = id end })
	local id = net.websocket(s.port, "/")
	websocket.close(T.eventually(function() return at end), 1001, "going")
	T.eq(s.result(), { true })
	T.eq(socket.readall(id), codec.frame(codec.CLOSE, "\3\233going"))
	local closes = 0
	for _, e in ipairs(s.log) do
		if e[1] == "close" or e[1] == "error" then closes = closes + 1 end
	end
	T.eq(closes, 1)
	socket.close(id)
	s.stop()
end)

T.test("a close from another task while the handshake waits ends the session with one close", function()
	local at
	local s = server(nil, { connect = function(id) at = id end })
	local id = assert(socket.open(net.host, s.port))
	websocket.close(T.eventually(function() return at end))
	T.eq(s.result(), { true })
	T.eq(s.log, { { "close" } })
	socket.close(id)
	s.stop()
end)

T.test("a handler that raises is told by accept, once, and leaves nothing behind", function()
	local connected = net.count "TCP"
	for _, name in ipairs { "connect", "handshake", "message", "ping", "pong" } do
		local at
		local s = server(nil, { [name] = function(id)
			at = id
			error("raised by " .. name)
		end })
		local id
		local logged = net.logged(function()
			id = assert(socket.open(net.host, s.port))
			socket.write(id, HANDSHAKE .. "\r\n" .. codec.frame(codec.PING, "") .. codec.frame(codec.PONG, "")
				.. codec.frame(codec.TEXT, "go"))
			local r = s.result()
			T.eq({ r[1], #r }, { false, 2 }, name)
			T.ok(r[2]:find("raised by " .. name, 1, true), r[2])
			T.ok(r[2]:find("stack traceback", 1, true), r[2])
		end)
		T.eq(logged, "")
		T.eq({ s.heard "close", s.heard "error" }, {}, name)
		T.eq({ websocket.is_close(at), socket.invalid(at) }, { true, true }, name)
		T.raises("assertion failed", websocket.write, at, "x")
		socket.close(id)
		s.stop()
	end
	T.eventually(function() return net.count "TCP" == connected end)
end)

T.test("a handler that raises while it hears of the end is told by accept", function()
	for _, name in ipairs { "close", "error" } do
		local calls = 0
		local function raise()
			calls = calls + 1
			error("raised at the end")
		end
		local s = server(nil, { close = raise, error = raise })
		local id = net.websocket(s.port, "/")
		if name == "close" then socket.write(id, codec.frame(codec.CLOSE, "")) else socket.close(id) end
		local r = s.result()
		T.eq(r[1], false)
		T.ok(r[2]:find("raised at the end", 1, true), r[2])
		T.eq(calls, 1)
		socket.close(id)
		s.stop()
	end
end)

T.test("an id that is gone before its upgrade ends with error, whatever the handlers", function()
	local heard
	local id, other = net.pair()
	socket.close(other)
	socket.close(id)
	local upgrade = { method = "GET", url = "/", header = {
		host = "me", upgrade = "websocket", connection = "Upgrade",
		["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ==", ["sec-websocket-version"] = "13",
	} }
	local handle = { warning = function() end, error = function(_, err) heard = err end }
	T.eq(websocket.accept(id, handle, "ws", "me", { upgrade = upgrade }), true)
	T.ok(heard == sockethelper.socket_error)
	T.ok(websocket.is_close(id))
end)

T.test("a close in the connect handler ends the session before its handshake", function()
	local s = server(nil, { connect = function(id) websocket.close(id) end })
	local id = assert(socket.open(net.host, s.port))
	socket.write(id, HANDSHAKE .. "\r\n")
	T.eq(s.result(), { true })
	T.ok(s.heard "close")
	T.eq(s.heard "handshake", nil)
	socket.close(id)
	s.stop()
end)

T.test("breaches of the protocol end the connection with false", function()
	local s = server()
	local breaches = {
		["payload_len is too large"] = "\130\127\0\0\0\0\255\255\255\255",
		["payload_len is too large "] = "\130\127\255\255\255\255\255\255\255\255",
		["invalid opcode"] = codec.frame(3, "x"),
		["invalid control frame"] = "\9\0",
		["invalid control frame "] = "\137\126\0\126" .. ("p"):rep(126),
		["unexpected continuation frame"] = "\128\1x",
		["unfinished fragmented message"] = "\1\1a\129\1b",
		["reserved bits without an extension"] = "\193\1a",
		["text is not UTF-8"] = codec.frame(codec.TEXT, "\255"),
		["invalid close frame"] = codec.frame(codec.CLOSE, "x"),
	}
	for text, bytes in pairs(breaches) do
		local id = net.websocket(s.port, "/")
		socket.write(id, bytes)
		local r = s.result()
		T.eq(r[1], false, text)
		T.ok(tostring(r[2]):find(text:gsub(" $", ""), 1, true), text .. " / " .. tostring(r[2]))
		-- to these skynet says nothing
		local code = (text:find "large" or text:find "opcode") and "" or text:find "UTF" and "\136\2\3\239" or "\136\2\3\234"
		T.eq(socket.readall(id) or "", code, text)
		socket.close(id)
	end
	T.eq(s.heard "error", nil)
	s.stop()
end)

T.test("a server that is not strict takes what skynet takes", function()
	local s = server { strict = false }
	local id = net.websocket(s.port, "/")
	socket.write(id, "\193\1a" .. codec.frame(codec.TEXT, "\255") .. codec.frame(codec.CLOSE, "x"))
	T.eq(socket.readall(id), codec.frame(codec.TEXT, "a") .. codec.frame(codec.TEXT, "\255") .. codec.frame(codec.CLOSE))
	T.eq(s.result(), { true })
	socket.close(id)
	s.stop()
end)

T.test("the size of messages is the server's choice, and then a larger one is told why", function()
	local s = server { max = 10 }
	local id = net.websocket(s.port, "/")
	socket.write(id, codec.frame(codec.TEXT, ("x"):rep(10)) .. codec.frame(codec.TEXT, ("x"):rep(11)))
	T.eq(socket.readall(id), codec.frame(codec.TEXT, ("x"):rep(10)) .. codec.frame(codec.CLOSE, "\3\241"))
	T.eq(s.result()[1], false)
	socket.close(id)
	s.stop()
end)

-- A peer that has made its handshake, sends pings and reads nothing. → its id, the server's id
local function deaf(s, at)
	local id = net.websocket(s.port, "/")
	return id, T.eventually(at)
end

T.test("a peer that sends pings and does not read does not make the queue grow", function()
	local at
	local s = server(nil, { handshake = function(id) at = id end })
	local id, server_id = deaf(s, function() return at end)
	socket.pause(id)
	local pings = codec.frame(codec.PING, ("p"):rep(125)):rep(1000)
	local most = 0
	-- 40 MB: more than all buffers of the system take
	for _ = 1, 320 do
		socket.write(id, pings)
		skynet.yield()
		most = math.max(most, driver.unsent(server_id))
	end
	T.eventually(function() return driver.unsent(id) == 0 end, 2000)
	most = math.max(most, driver.unsent(server_id))
	T.within(most, 0, 256 * 1024)
	socket.close(id)
	s.stop()
end)

T.test("beyond sendlimit a client that does not read is cut, and error is called", function()
	local at
	local s = server({ sendlimit = 1024 * 1024 }, { handshake = function(id) at = id end, warning = function() end })
	local id, server_id = deaf(s, function() return at end)
	socket.pause(id)
	local sent = 0
	local ok
	net.logged(function()
		repeat
			ok = pcall(websocket.write, server_id, ("x"):rep(100000))
			sent = sent + 100000
			skynet.yield()
		until not ok or sent > 100e6
		T.eq(s.result(), { true })
	end)
	T.eq(ok, false)
	T.ok(s.heard "error"[2] == sockethelper.socket_error)
	socket.close(id)
	s.stop()
end)

T.test("random bytes after the handshake never raise out of accept", function()
	local random = T.random(3)
	local s = server()
	for _ = 1, 100 do
		local id = net.websocket(s.port, "/")
		socket.write(id, T.random_bytes(random, random(200)))
		socket.close(id)
		T.eq(type(s.result()[1]), "boolean")
	end
	s.stop()
end)

T.test("random bytes instead of a handshake never raise out of accept", function()
	local random = T.random(5)
	local s = server()
	for i = 1, 100 do
		local id = assert(socket.open(net.host, s.port))
		local cut, at = random(#HANDSHAKE), random(#HANDSHAKE)
		local bytes = HANDSHAKE .. "\r\n"
		if i % 2 == 0 then
			bytes = bytes:sub(1, cut)
		else
			bytes = bytes:sub(1, at - 1) .. T.random_bytes(random, 1) .. bytes:sub(at + 1)
		end
		socket.write(id, bytes)
		socket.close(id)
		T.eq(type(s.result()[1]), "boolean")
	end
	s.stop()
end)

T.test("an unstarted or dead id gives false and the reason", function()
	local ok, err = websocket.accept(0x7ffffff0, {}, "ws")
	T.eq({ ok, err }, { false, "invalid socket" })
	T.raises("invalid websocket protocol:tcp", websocket.accept, 1, {}, "tcp")
end)

T.test("one frame is one packet, and is not held back", function()
	local s = server()
	local id = net.websocket(s.port, "/")
	local rounds = {}
	for i = 1, 50 do
		local began = skynet.hpc()
		socket.write(id, codec.frame(codec.TEXT, "a" .. i))
		socket.write(id, codec.frame(codec.TEXT, "b" .. i))
		T.eq(#socket.read(id, 2 * (3 + #tostring(i))), 2 * (3 + #tostring(i)))
		rounds[i] = (skynet.hpc() - began) / 1e6
	end
	-- Nagle and a delayed acknowledgement would make 40 ms of each round; a busy machine makes some as long.
	table.sort(rounds)
	T.within(rounds[25], 0, 30, "ms, the round in the middle")
	socket.close(id)
	s.stop()
end)

T.test("the error handler gets the socket error", function()
	local s = server()
	local id = net.websocket(s.port, "/")
	socket.write(id, "\129\120half")
	socket.close(id)
	T.eq(s.result(), { true })
	T.ok(s.heard "error"[2] == sockethelper.socket_error)
	s.stop()
end)

-- The last one: what is set for the node stays.
T.test("the config's websocket_max is the bound of clients and servers that do not say", function()
	skynet.setenv("websocket_max", "2000")
	T.eq({ told(2001) }, { false, "payload_len is too large: above 2000 bytes, the max of this side", 1009 })
	local s = server()
	local id = net.websocket(s.port, "/")
	socket.write(id, codec.frame(codec.TEXT, ("x"):rep(2000)) .. codec.frame(codec.TEXT, ("x"):rep(2001)))
	T.eq(socket.readall(id), codec.frame(codec.TEXT, ("x"):rep(2000)) .. codec.frame(codec.CLOSE, "\3\241"))
	T.eq(s.result(), { false, "payload_len is too large: above 2000 bytes, the max of this side" })
	socket.close(id)
	s.stop()
end)

T.run(2000)
