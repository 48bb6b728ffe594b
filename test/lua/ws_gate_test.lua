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

-- Another gate, with these options: → the handle of its slave, its events from now on
local gates = 0

local function open_gate(conf)
	gates = gates + 1
	local name = ".ws_gate_" .. gates
	conf.port, conf.address, conf.instance = port + 4 + gates, "127.0.0.1", 1
	skynet.call(skynet.newservice("ws_gate", name), "lua", "open", conf)
	return port + 4 + gates, skynet.localname(name .. "-slave-1")
end

T.test("a message right after the handshake waits for its agent", function()
	setup()
	local from = #events + 1
	local other = open_gate { handshakes = true }
	local got = {}
	skynet.register_protocol {
		name = "client", id = skynet.PTYPE_CLIENT, unpack = skynet.tostring,
		dispatch = function(_, _, text)
			skynet.ignoreret()
			got[#got + 1] = text
		end,
	}
	local fd = socket.open("127.0.0.1", other)
	socket.write(fd, HANDSHAKE .. "\129\5first" .. "\129\6second")
	local shaken = event("handshake", from)
	local slave = event("open", from)[3]
	skynet.call(slave, "lua", "forward", shaken[1])
	T.eventually(function() return #got == 2 end)
	T.eq(got, { "first", "second" })
	for i = from, #events do T.ok(events[i].name ~= "data", "no message went to the watchdog") end
	socket.close(fd)
end)

T.test("a client that is kicked while its message waits for an agent is closed", function()
	setup()
	local from = #events + 1
	local other = open_gate { handshakes = true }
	local fd = socket.open("127.0.0.1", other)
	socket.write(fd, HANDSHAKE .. "\129\5first")
	local shaken = event("handshake", from)
	skynet.call(event("open", from)[3], "lua", "kick", shaken[1])
	T.eq(event("close", from)[1], shaken[1])
	T.ok(socket.readall(fd):find("\136", 1, true))
	socket.close(fd)
end)

T.test("only so many clients of one address", function()
	setup()
	local other = open_gate { maxaddress = 2 }
	local fds = {}
	for i = 1, 2 do
		fds[i] = socket.open("127.0.0.1", other)
		socket.write(fds[i], HANDSHAKE)
		T.ok(socket.readline(fds[i], "\r\n\r\n"))
	end
	local third = socket.open("127.0.0.1", other)
	T.eq(socket.readall(third) or "", "")
	socket.close(third)
	socket.close(fds[1])
	-- its place is free as soon as the gate knows
	T.eventually(function()
		local fd = socket.open("127.0.0.1", other)
		socket.write(fd, HANDSHAKE)
		local answer = socket.readline(fd, "\r\n\r\n")
		socket.close(fd)
		return answer
	end)
	socket.close(fds[2])
end)

T.test("when the task of a client is killed its place is free", function()
	setup()
	local other = open_gate { maxaddress = 1 }
	local gate = skynet.localname(".ws_gate_" .. gates)
	for _ = 1, 2 do
		local fd = socket.open("127.0.0.1", other)
		socket.write(fd, HANDSHAKE)
		T.ok(socket.readline(fd, "\r\n\r\n"))
		skynet.call(gate, "debug", "KILLTASK", "thread")
		socket.readall(fd)
		socket.close(fd)
	end
end)

T.test("pages of other origins are refused", function()
	setup()
	local other = open_gate { origins = { "https://a", "https://b" } }
	for origin, status in pairs { ["https://b"] = "101", ["https://c"] = "403", ["https://a.evil"] = "403" } do
		local fd = socket.open("127.0.0.1", other)
		socket.write(fd, (HANDSHAKE:gsub("\r\n\r\n$", "\r\nOrigin: " .. origin .. "\r\n\r\n")))
		T.eq(socket.readline(fd, "\r\n"):match "^HTTP/1.1 (%d+)", status, origin)
		socket.close(fd)
	end
end)

T.test("what clients send cannot look like a line of the log", function()
	local printable = require "printable"
	T.eq(printable "a\nb\r\0\27[1m\127 \195\164", "a\\x0ab\\x0d\\x00\\x1b[1m\\x7f \195\164")
end)

T.run()
