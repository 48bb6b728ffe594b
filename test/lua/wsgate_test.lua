-- needs: tls
-- The native WebSocket gate: its events and commands, its limits, peers that misbehave.
local skynet = require "skynet"
local socket = require "skynet.socket"
local core = require "skynet.core"
local codec = require "skynet.websocket.codec"
local websocket = require "http.websocket"
local wsgate = require "skynet.wsgate"
local net = require "net"
local T = require "harness"

-- What this service hears as a watchdog: { event, gate, id, ... }.
local heard = {}

local function note(event)
	return function(...) heard[#heard + 1] = { event, ... } end
end

wsgate.watch { listen = note "listen", open = note "open", data = note "data", close = note "close" }

-- What it hears as an agent.
local packages = {}

skynet.register_protocol {
	name = "client",
	id = skynet.PTYPE_CLIENT,
	unpack = skynet.tostring,
	dispatch = function(session, source, bytes)
		skynet.ignoreret()
		packages[#packages + 1] = { session, source, bytes }
	end,
}

--- The next event of that name and gate, taken out.
local function event(name, gate)
	return T.eventually(function()
		for i, e in ipairs(heard) do
			if e[1] == name and e[2] == gate then return table.remove(heard, i) end
		end
	end, 600, name)
end

-- A gate that listens, → its handle, its port
local function launch(options)
	options.address = net.host
	local gate = wsgate.launch(options)
	return gate, tonumber(event("listen", gate)[3]:match ":(%d+)$")
end

-- The next frame: opcode, payload; or nil.
local function frame(id)
	local decoder = codec.decoder()
	local head = socket.read(id, 2)
	local op, payload
	if head then op, payload = decoder:feed(head) end
	while head and op == nil do
		local more = socket.read(id, 1)
		if not more then return nil end
		op, payload = decoder:feed(more)
	end
	return op, payload
end

local MASK = 0x01020304

-- A connection that is being read, with this service as its agent: → gate's id, socket
local function connect(gate, port, extra)
	local id, answer = net.websocket(port, "/chat", extra)
	T.ok(answer and answer:find("101", 1, true), tostring(answer))
	local opened = event("open", gate)
	T.ok(opened[4]:match "^127%.0%.0%.1:%d+$", opened[4])
	wsgate.forward(gate, opened[3], skynet.self(), 0x123456)
	wsgate.start(gate, opened[3])
	return opened[3], id
end

local function next_package()
	return T.eventually(function() return table.remove(packages, 1) end)
end

T.test("a connection opens, its messages go to the agent, answers go back", function()
	local gate, port = launch {}
	local id, c = connect(gate, port)
	socket.write(c, codec.frame(codec.TEXT, "hello", MASK))
	T.eq(next_package(), { id, 0x123456, "hello" })
	wsgate.send(gate, id, "answer")
	T.eq({ frame(c) }, { codec.BINARY, "answer" })
	socket.close(c)
	T.eq(event("close", gate), { "close", gate, id })
	skynet.kill(gate)
end)

T.test("nothing is read before start", function()
	local gate, port = launch {}
	local c = net.websocket(port, "/chat")
	local id = event("open", gate)[3]
	socket.write(c, codec.frame(codec.TEXT, "early", MASK))
	skynet.sleep(5)
	T.eq(#heard, 0)
	wsgate.start(gate, id)
	T.eq(event("data", gate), { "data", gate, id, "early" })
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("fragments are joined, pings answered, empty messages skipped", function()
	local gate, port = launch { text = true }
	local id, c = connect(gate, port)
	socket.write(c, "\1\132\0\0\0\0frag" .. codec.frame(codec.PING, "p", MASK) .. codec.frame(codec.TEXT, "", 0):gsub("^.", "\0")
		.. "\128\132\0\0\0\0ment")
	T.eq({ frame(c) }, { codec.PONG, "p" })
	T.eq(next_package()[3], "fragment")
	socket.write(c, codec.frame(codec.BINARY, "", MASK) .. codec.frame(codec.BINARY, "next", MASK))
	T.eq(next_package()[3], "next")
	wsgate.send(gate, id, "as text")
	T.eq({ frame(c) }, { codec.TEXT, "as text" })
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("large messages, and many at once, keep their order", function()
	local gate, port = launch { maxframe = 1024 * 1024, sendlimit = 8 * 1024 * 1024 }
	local id, c = connect(gate, port)
	local large = ("0123456789abcdef"):rep(65536)
	socket.write(c, codec.frame(codec.BINARY, large, MASK))
	T.eq(next_package()[3] == large, true)
	wsgate.send(gate, id, large)
	for i = 1, 500 do wsgate.send(gate, id, "message " .. i) end
	T.eq(select(2, frame(c)) == large, true)
	for i = 1, 500 do T.eq(select(2, frame(c)), "message " .. i) end
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("kick sends what waits, then a close frame", function()
	local gate, port = launch {}
	local id, c = connect(gate, port)
	wsgate.send(gate, id, "last words")
	wsgate.kick(gate, id)
	wsgate.kick(gate, id)
	wsgate.send(gate, id, "too late")
	T.eq({ frame(c) }, { codec.BINARY, "last words" })
	T.eq({ frame(c) }, { codec.CLOSE, "\3\232" })
	socket.write(c, codec.frame(codec.CLOSE, "\3\232", MASK))
	T.eq(socket.read(c), false)
	event("close", gate)
	socket.close(c)
	skynet.kill(gate)
end)

T.test("a peer's close frame is answered", function()
	local gate, port = launch {}
	local _, c = connect(gate, port)
	socket.write(c, codec.frame(codec.CLOSE, "\3\232bye", MASK))
	T.eq((frame(c)), codec.CLOSE)
	event("close", gate)
	socket.close(c)
	skynet.kill(gate)
end)

T.test("a message above maxframe ends the connection with code 1009", function()
	local gate, port = launch { maxframe = 1000 }
	local _, c = connect(gate, port)
	socket.write(c, codec.frame(codec.BINARY, ("x"):rep(1000), MASK))
	T.eq(#next_package()[3], 1000)
	socket.write(c, codec.frame(codec.BINARY, ("x"):rep(1001), MASK))
	T.eq({ frame(c) }, { codec.CLOSE, "\3\241" })
	event("close", gate)
	socket.close(c)
	-- in fragments, too
	_, c = connect(gate, port)
	for _ = 1, 3 do socket.write(c, "\2\254\1\144\0\0\0\0" .. ("x"):rep(400)) end
	T.eq((frame(c)), codec.CLOSE)
	event("close", gate)
	socket.close(c)
	T.eq(#packages, 0)
	skynet.kill(gate)
end)

T.test("beyond sendlimit the connection is closed", function()
	local gate, port = launch { sendlimit = 100000 }
	local id, c = connect(gate, port)
	socket.pause(c)
	local piece = ("x"):rep(50000)
	for _ = 1, 1000 do wsgate.send(gate, id, piece) end
	event("close", gate)
	socket.close(c)
	skynet.kill(gate)
end)

T.test("or, with the policy drop, loses messages and stays", function()
	local gate, port = launch { sendlimit = 100000, policy = "drop" }
	local id, c = connect(gate, port)
	socket.pause(c)
	local piece = ("x"):rep(50000)
	for _ = 1, 1000 do wsgate.send(gate, id, piece) end
	local count = 0
	local done = net.async(function()
		while true do
			local _, payload = frame(c)
			if payload == "end" then return true end
			if payload ~= piece then return payload end
			count = count + 1
		end
	end)
	T.eventually(function() return count > 0 end)
	skynet.sleep(20)
	wsgate.send(gate, id, "end")
	T.eq(done(), true)
	T.within(count, 1, 999)
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("only so many connections", function()
	local gate, port = launch { maxclient = 2 }
	local a, c = connect(gate, port)
	local _, d = connect(gate, port)
	local refused, answer = net.websocket(port, "/chat")
	T.eq(answer, false)
	socket.close(refused)
	socket.close(c)
	T.eq(event("close", gate)[3], a)
	local _, e = connect(gate, port)
	for _, id in ipairs { d, e } do
		socket.close(id)
		event("close", gate)
	end
	skynet.kill(gate)
end)

local function refused(port, extra)
	local id, answer = net.websocket(port, "/chat", extra)
	socket.close(id)
	return answer and tonumber(answer:match "^HTTP/1.%d (%d+)")
end

T.test("origins and paths that are not served are refused", function()
	local gate, port = launch { origin = { "https://a.example", "http://b.example" } }
	T.eq(refused(port), 403)
	T.eq(refused(port, "Origin: https://evil.example\r\n"), 403)
	T.eq(refused(port, "Origin: http://a.example\r\n"), 403)
	local _, c = connect(gate, port, "Origin: HTTPS://a.example\r\n")
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
	gate, port = launch { path = "/other" }
	T.eq(refused(port), 404)
	skynet.kill(gate)
	gate, port = launch { path = "/chat" }
	_, c = connect(gate, port)
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("sub-protocols: the known ones are agreed on", function()
	local gate, port = launch { protocols = { "game", "chat" } }
	local c, answer = net.websocket(port, "/chat", "Sec-WebSocket-Protocol: other, chat\r\n")
	T.ok(answer:lower():find("sec-websocket-protocol: chat", 1, true), answer)
	socket.close(c)
	event("open", gate)
	event("close", gate)
	c, answer = net.websocket(port, "/chat", "Sec-WebSocket-Protocol: other\r\n")
	T.ok(not answer or not answer:find " 101 ", tostring(answer))
	socket.close(c)
	skynet.kill(gate)
end)

T.test("a handshake with a long head is answered", function()
	local gate, port = launch {}
	for _, size in ipairs { 5000, 12000 } do
		local lines = {}
		for i = 1, 10 do lines[i] = ("Cookie: c%d=%s\r\n"):format(i, ("x"):rep(size / 10)) end
		local id, answer = net.websocket(port, "/chat", table.concat(lines))
		T.ok(answer and answer:find(" 101 ", 1, true), size .. " " .. tostring(answer))
		event("open", gate)
		socket.close(id)
		event("close", gate)
	end
	skynet.kill(gate)
end)

T.test("a head of more than 16 KB gets status 431, however much of it comes, and then the end", function()
	local gate, port = launch {}
	for _, size in ipairs { 17 * 1024, 4 * 1024 * 1024 } do
		local id = assert(socket.open(net.host, port))
		socket.write(id, net.handshake "/chat" .. "Cookie: " .. ("x"):rep(size) .. "\r\n\r\n")
		local answer = socket.readall(id)
		T.ok(answer:find "^HTTP/1.1 431 Request Header Fields Too Large\r\n", answer)
		socket.close(id)
	end
	T.eq(heard, {})
	skynet.kill(gate)
end)

T.test("frames that come with the request are those of the connection", function()
	local gate, port = launch {}
	local id = assert(socket.open(net.host, port))
	socket.write(id, net.handshake "/chat" .. "\r\n" .. codec.frame(codec.TEXT, "at once", MASK) .. codec.frame(codec.PING, "?", MASK))
	T.ok(socket.readline(id, "\r\n\r\n"):find(" 101 ", 1, true))
	local opened = event("open", gate)[3]
	T.eq({ frame(id) }, { codec.PONG, "?" })
	wsgate.start(gate, opened)
	T.eq(event("data", gate), { "data", gate, opened, "at once" })
	socket.close(id)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("a peer that pings and does not read costs no more than sendlimit", function()
	local gate, port = launch { sendlimit = 10000 }
	local id, c = connect(gate, port)
	socket.pause(c)
	local pings = codec.frame(codec.PING, ("p"):rep(125), MASK):rep(1000)
	local done = net.async(function()
		for _ = 1, 200 do socket.write(c, pings) end
		socket.write(c, codec.frame(codec.TEXT, "after all of them", MASK))
	end)
	T.eq(next_package(), { id, 0x123456, "after all of them" })
	done()
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("requests that are no handshake get an answer, garbage and silence an end", function()
	local gate, port = launch { timeout = 1 }
	local id = assert(socket.open(net.host, port))
	socket.write(id, "GET / HTTP/1.1\r\nHost: me\r\n\r\n")
	T.eq((socket.readline(id, "\r\n") or ""):match "%d%d%d", "426")
	socket.close(id)
	id = assert(socket.open(net.host, port))
	socket.write(id, ("\0\1\2\3"):rep(100) .. "\r\n\r\n")
	while socket.read(id) do end
	socket.close(id)
	id = assert(socket.open(net.host, port))
	T.eq(socket.read(id), false)
	socket.close(id)
	T.eq(heard, {})
	skynet.kill(gate)
end)

T.test("frames that break the protocol end the connection", function()
	local gate, port = launch {}
	for _, bytes in ipairs {
		codec.frame(3, "?", MASK), codec.frame(11, "?", MASK), -- reserved opcodes
		"\137\254\1\0\0\0\0\0" .. ("x"):rep(256), -- a long ping
		"\128\129\0\0\0\0x", -- nothing to continue
		codec.frame(codec.TEXT, "\255\254", MASK), -- no UTF-8
		"\130\255\127\255\255\255\255\255\255\255\0\0\0\0x", -- 2^63 - 1 bytes
	} do
		local _, c = connect(gate, port)
		socket.write(c, bytes)
		T.eq(event("close", gate)[1], "close")
		socket.close(c)
	end
	T.eq(#packages, 0)
	skynet.kill(gate)
end)

T.test("a silent peer is pinged, and dropped when it does not answer", function()
	local gate, port = launch { ping = 1, timeout = 1 }
	local _, c = connect(gate, port)
	T.eq((frame(c)), codec.PING)
	socket.write(c, codec.frame(codec.PONG, "", MASK))
	T.eq((frame(c)), codec.PING)
	event("close", gate)
	socket.close(c)
	skynet.kill(gate)
end)

T.test("messages to nobody and commands that are none do no harm", function()
	local gate, port = launch {}
	local id, c = connect(gate, port)
	wsgate.send(gate, 12345, "x")
	wsgate.send(gate, 0, "x")
	core.send(gate, skynet.PTYPE_CLIENT, 0, "abcd")
	core.send(gate, skynet.PTYPE_CLIENT, 0, "")
	for _, line in ipairs { "", "kick", "kick x", "kick -1", "start 99999999999", "forward", "forward 1", "forward 1 2 3", "what 1" } do
		core.send(gate, skynet.PTYPE_TEXT, 0, line)
	end
	wsgate.send(gate, id, "alive")
	T.eq({ frame(c) }, { codec.BINARY, "alive" })
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("close ends listening only; the port can be had again", function()
	-- a port of this test's own: one that the system chose it may give to others as soon as it is free
	local port = tonumber(skynet.getenv "port")
	local gate = launch { port = port }
	local id, c = connect(gate, port)
	T.raises("wsgate: cannot start on " .. net.host .. ":" .. port, wsgate.launch, { address = net.host, port = port })
	wsgate.close(gate)
	T.eventually(function()
		local fd = socket.open(net.host, port)
		if fd then socket.close(fd) end
		return not fd
	end)
	wsgate.send(gate, id, "still here")
	T.eq({ frame(c) }, { codec.BINARY, "still here" })
	local second = launch { port = port }
	skynet.kill(second)
	skynet.kill(gate)
	T.eq(socket.read(c), false)
	socket.close(c)
end)

-- Waits until the gate has run the commands before.
local function settle(gate, id, c)
	wsgate.send(gate, id, "settled")
	T.eq(select(2, frame(c)), "settled")
end

T.test("a broker gets everything; an unknown name ends that", function()
	local gate, port = launch {}
	local id, c = connect(gate, port)
	wsgate.broker(gate, skynet.address(skynet.self()))
	settle(gate, id, c)
	socket.write(c, codec.frame(codec.BINARY, "to the broker", MASK))
	T.eq(next_package(), { id, gate, "to the broker" })
	wsgate.broker(gate, ".nobody")
	settle(gate, id, c)
	socket.write(c, codec.frame(codec.BINARY, "to the agent", MASK))
	T.eq(next_package(), { id, 0x123456, "to the agent" })
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("several I/O threads: connections keep apart", function()
	local gate, port = launch { threads = 3 }
	local ids = {}
	for i = 1, 12 do
		local id, c = connect(gate, port)
		T.eq(ids[id], nil)
		ids[id] = c
		socket.write(c, codec.frame(codec.TEXT, "from " .. i, MASK))
		T.eq(next_package(), { id, 0x123456, "from " .. i })
	end
	for id, c in pairs(ids) do wsgate.send(gate, id, "to " .. id) end
	for id, c in pairs(ids) do
		T.eq({ frame(c) }, { codec.BINARY, "to " .. id })
		socket.close(c)
		event("close", gate)
	end
	skynet.kill(gate)
end)

T.test("the address of a proxy's client", function()
	local gate, port = launch { realip = true }
	local c = net.websocket(port, "/chat", "X-Real-IP: 9.8.7.6\r\n")
	T.ok(event("open", gate)[4]:match "^9%.8%.7%.6:%d+$")
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

-- A frame whose first reserved bit says that its message is compressed.
local function compressed(bytes)
	local plain = codec.frame(codec.TEXT, bytes, MASK)
	return string.char(plain:byte() + 64) .. plain:sub(2)
end

local DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
local HELLO = "\242\72\205\201\201\7\0" -- RFC 7692, 7.2.3.1
local XS = { [100] = "\170\168\160\61\0\0", [101] = "\170\168\160\3\0\0" } -- so many times "x"

T.test("permessage-deflate: messages come inflated, larger ones leave compressed", function()
	local gate, port = launch { deflate = true }
	for _, parameters in ipairs { "", "; server_no_context_takeover; client_no_context_takeover", "; client_max_window_bits" } do
		local c, answer = net.websocket(port, "/chat", DEFLATE .. parameters .. "\r\n")
		T.ok(answer:lower():find(DEFLATE:lower(), 1, true), answer)
		local id = event("open", gate)[3]
		wsgate.start(gate, id)
		socket.write(c, compressed(HELLO) .. codec.frame(codec.TEXT, "plain", MASK))
		T.eq(event("data", gate)[4], "Hello")
		T.eq(event("data", gate)[4], "plain")
		wsgate.send(gate, id, "short")
		T.eq({ frame(c) }, { codec.BINARY, "short" })
		wsgate.send(gate, id, ("x"):rep(10000))
		local head = socket.read(c, 2)
		T.eq(head:byte(), 128 + 64 + codec.BINARY)
		T.within(head:byte(2), 1, 100)
		socket.close(c)
		event("close", gate)
	end
	skynet.kill(gate)
end)

T.test("what cannot be agreed on is not: the connection is without", function()
	local gate, port = launch { deflate = true }
	for _, parameters in ipairs { "; server_max_window_bits=10", "; what=1", ", permessage-deflate" } do
		local c, answer = net.websocket(port, "/chat", DEFLATE .. parameters .. "\r\n")
		T.ok(answer and answer:find(" 101 ", 1, true), tostring(answer))
		T.eq(answer:lower():find("extensions", 1, true), nil, parameters)
		socket.close(c)
		event("open", gate)
		event("close", gate)
	end
	skynet.kill(gate)
end)

T.test("a compressed message is bounded by what it inflates to", function()
	local gate, port = launch { deflate = true, maxframe = 100 }
	local _, c = connect(gate, port, DEFLATE .. "\r\n")
	socket.write(c, compressed(XS[100]))
	T.eq(next_package()[3], ("x"):rep(100))
	socket.close(c)
	event("close", gate)
	_, c = connect(gate, port, DEFLATE .. "\r\n")
	socket.write(c, compressed(XS[101]))
	T.eq({ frame(c) }, { codec.CLOSE, "\3\241" })
	event("close", gate)
	socket.close(c)
	T.eq(#packages, 0)
	skynet.kill(gate)
end)

T.test("compressed messages that are wrong, and reserved bits that nobody agreed on, end the connection", function()
	local gate, port = launch { deflate = true }
	for extra, frames in pairs {
		[DEFLATE .. "\r\n"] = {
			compressed "\255\255\255", compressed "\7", compressed "\0\5\0\0\0", -- no deflate
			compressed "\0\1\0\254\255\255\0", -- inflates to no UTF-8
			"\161\129\0\0\0\0x", -- the second reserved bit
		},
		[""] = { compressed(HELLO), "\161\129\0\0\0\0x", "\145\129\0\0\0\0x" },
	} do
		for _, bytes in ipairs(frames) do
			local _, c = connect(gate, port, extra)
			socket.write(c, bytes)
			T.eq(event("close", gate)[1], "close")
			socket.close(c)
		end
	end
	T.eq(#packages, 0)
	skynet.kill(gate)
end)

T.test("wss with the certificate of the config", function()
	-- under ASan also: each thread has contexts of OpenSSL, and gives them back
	local gate, port = launch { protocol = "wss", threads = 2 }
	local id = websocket.connect("wss://" .. net.host .. ":" .. port .. "/", nil, 300, { mask = true })
	local opened = event("open", gate)[3]
	wsgate.start(gate, opened)
	websocket.write(id, "secret")
	T.eq(event("data", gate)[4], "secret")
	local large = ("0123456789"):rep(20000)
	wsgate.send(gate, opened, large)
	T.eq(websocket.read(id) == large, true)
	websocket.close(id)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("bad options say so", function()
	for _, options in ipairs {
		{ protocol = "http" }, { address = "no.such.host.invalid" }, { maxclient = 0 }, { policy = "wait" }, { maxframe = 0 },
		{ ping = -1 }, { threads = 0 }, { watchdog = ".nobody" }, { protocol = "wss", cert = "none", key = "none" }, { tag = 300 },
	} do
		T.raises("wsgate: cannot start", wsgate.launch, options)
	end
	for _, parameter in ipairs { "", "ws", "ws ! 1 0", "ws ! x 0 1", "ws ! 1:2:3 0 1", "ws ! 99999 0 1", "ws ! 0 0 1 what=1", "ws ! 0 0 1 text" } do
		T.eq(skynet.launch("wsgate", parameter), nil)
	end
end)

T.test("the service wsgate has the commands of service gate", function()
	local gate = skynet.newservice "wsgate"
	local dog = {}
	skynet.dispatch("lua", function(_, _, ...) dog[#dog + 1] = { ... } end)
	local address, port, native = skynet.call(gate, "lua", "open", { address = net.host, port = 0 })
	T.eq(address, net.host)
	local c = net.websocket(port, "/chat")
	local opened = T.eventually(function() return table.remove(dog, 1) end)
	T.eq({ opened[1], opened[2] }, { "socket", "open" })
	local id = opened[3]
	skynet.call(gate, "lua", "accept", id)
	socket.write(c, codec.frame(codec.TEXT, "to the watchdog", MASK))
	T.eq(T.eventually(function() return table.remove(dog, 1) end), { "socket", "data", id, "to the watchdog" })
	skynet.call(gate, "lua", "forward", id)
	socket.write(c, codec.frame(codec.TEXT, "to the agent", MASK))
	T.eq(next_package(), { id, native, "to the agent" })
	skynet.call(gate, "lua", "send", id, "by the service")
	wsgate.send(native, id, "straight")
	T.eq({ frame(c) }, { codec.BINARY, "by the service" })
	T.eq({ frame(c) }, { codec.BINARY, "straight" })
	skynet.call(gate, "lua", "kick", id)
	T.eq((frame(c)), codec.CLOSE)
	T.eq(T.eventually(function() return table.remove(dog, 1) end), { "socket", "close", id })
	T.eq(pcall(skynet.call, gate, "lua", "forward", id), false)
	T.eq(pcall(skynet.call, gate, "lua", "nonsense"), false)
	skynet.call(gate, "lua", "close")
	socket.close(c)
	skynet.kill(native)
	skynet.kill(gate)
end)

T.run(2000)
