-- The WebSocket gate where things go wrong.
local skynet = require "skynet"
local socket = require "skynet.socket"
local websocket = require "http.websocket"
local T = require "harness"

local HANDSHAKE = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	.. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

local port = tonumber(skynet.getenv "port")
local events = {}

local function setup()
	if skynet.localname ".ws_gate" then return end
	skynet.dispatch("lua", function(_, _, _, event, ...)
		events[#events + 1] = { name = event, args = { ... } }
	end)
	local gate = skynet.newservice "ws_gate"
	skynet.call(gate, "lua", "open", { port = port, address = "127.0.0.1", instance = 1 })
end

local function event(name, from)
	return T.eventually(function()
		for i = from, #events do
			if events[i].name == name then return events[i].args end
		end
	end)
end

T.test("a kick before the handshake waits for it", function()
	setup()
	local from = #events + 1
	local fd = socket.open("127.0.0.1", port)
	local opened = event("open", from)
	skynet.call(opened[3], "lua", "kick", opened[1])
	socket.write(fd, HANDSHAKE)
	local text = socket.readall(fd)
	T.ok(text:find "^HTTP/1%.1 101 " and text:find("\136", 1, true), T.show(text))
	socket.close(fd)
	T.eq(event("close", from)[1], opened[1])
end)

T.test("responses before the handshake come after it, in order", function()
	setup()
	local from = #events + 1
	local fd = socket.open("127.0.0.1", port)
	local opened = event("open", from)
	for _, text in ipairs { "one", "two" } do skynet.call(opened[3], "lua", "response", opened[1], text) end
	socket.write(fd, HANDSHAKE)
	T.ok(socket.readline(fd, "\r\n\r\n"):find "^HTTP/1%.1 101 ")
	T.eq(socket.read(fd, 10), "\129\3one\129\3two")
	socket.close(fd)
end)

T.test("a client is closed when the service it was forwarded to has ended", function()
	setup()
	local from = #events + 1
	local agent = skynet.newservice("ws_gate", ".a_service") -- any service will do
	local id = websocket.connect("ws://127.0.0.1:" .. port)
	local opened = event("open", from)
	skynet.call(opened[3], "lua", "forward", opened[1], 0, agent)
	skynet.kill(agent)
	websocket.write(id, "hello")
	T.eq(event("close", from)[1], opened[1])
	websocket.close(id)
end)

T.test("a gate opens once; after a failure it may be opened again", function()
	setup()
	T.raises("call failed", skynet.call, ".ws_gate", "lua", "open", { port = port + 1, instance = 1 })
	local other = skynet.newservice("ws_gate", ".other")
	T.raises("call failed", skynet.call, other, "lua", "open", { port = port, address = "127.0.0.1", instance = 2 })
	T.eq(skynet.localname ".other-slave-1", nil)
	T.eq(skynet.call(other, "lua", "open", { port = port + 2, address = "127.0.0.1", instance = 2 }), nil)
	T.ok(skynet.localname ".other-slave-2")
end)

T.run()
