-- wsgate: handshakes, those that are refused, and what is no handshake.
local skynet = require "skynet"
local socket = require "skynet.socket"
local codec = require "skynet.websocket.codec"
local wsgate = require "skynet.wsgate"
local net = require "net"
local watcher = require "gate_watcher"
local T = require "harness"

local event, launch, frame, connect, heard, MASK = watcher.event, watcher.launch, watcher.frame, watcher.connect, watcher.heard, watcher.MASK

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

T.test("the address of a proxy's client", function()
	local gate, port = launch { realip = true }
	local c = net.websocket(port, "/chat", "X-Real-IP: 9.8.7.6\r\n")
	T.ok(event("open", gate)[4]:match "^9%.8%.7%.6:%d+$")
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.run(2000)
