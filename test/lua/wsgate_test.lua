-- needs: tls
-- The native WebSocket gate: its events and commands, its agents, TLS and options.
local skynet = require "skynet"
local socket = require "skynet.socket"
local core = require "skynet.core"
local codec = require "skynet.websocket.codec"
local websocket = require "http.websocket"
local wsgate = require "skynet.wsgate"
local net = require "net"
local watcher = require "gate_watcher"
local T = require "harness"

local event, launch, frame, connect, next_package, heard, MASK = watcher.event, watcher.launch, watcher.frame, watcher.connect, watcher.next_package, watcher.heard, watcher.MASK

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
