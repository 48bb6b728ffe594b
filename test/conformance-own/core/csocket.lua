-- config: cpath = "./?.so;"..cpath
-- Sockets and threads of third-party C services.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local child = require "child"
local T = require "conform"

skynet.register_protocol { name = "text", id = skynet.PTYPE_TEXT, pack = function(s) return s end, unpack = skynet.tostring }

local port = tonumber(skynet.getenv "port")
local server
local function ask(what) return skynet.call(server, "text", what) end

-- Until `text` is among the events.
local function event(text)
	local all = ""
	T.eventually(function()
		all = all .. ask "events"
		return all:find(text, 1, true)
	end, 1000, text .. " in " .. all)
end

T.test("it compiles without a warning and starts", function()
	child.compile("csocket.so", "csocket.c", "-Wextra -Werror -pthread")
	server = skynet.launch "csocket"
	T.ok(server)
	T.eq(ask "sockets", "0")
end)

local listener

T.test("it listens", function()
	listener = tonumber(ask("listen " .. port))
	T.ok(listener >= 0)
	event "connect 127.0.0.1"
	T.eq(ask "sockets", "1")
end)

T.test("a port in use is no id, or an error event", function()
	if tonumber(ask("listen " .. port)) >= 0 then event "error" end
	T.eventually(function() return ask "sockets" == "1" end, 1000)
end)

T.test("it echoes what clients send", function()
	local fd = assert(socket.open("127.0.0.1", port))
	event "accept with address"
	socket.write(fd, "one")
	T.eq(socket.read(fd, 3), "one")
	socket.write(fd, "two\n")
	T.eq(socket.readline(fd), "two")
	T.eq(ask "sockets", "2")
	socket.close(fd)
	event "close"
	T.eventually(function() return ask "sockets" == "1" end, 1000)
end)

T.test("low priority waits for what is queued, and raw pointers are copied", function()
	local fd = assert(socket.open("127.0.0.1", port))
	socket.write(fd, "big end")
	local size = 1024 * 1024 + 3 + 7
	local all = socket.read(fd, size)
	T.eq(#all, size)
	T.eq(all:sub(1, 1000), ("n"):rep(1000))
	T.ok(all:find("low", 1, true))
	T.ok(all:find("big end", 1, true))
	socket.close(fd)
end)

T.test("a paused listener accepts again after a start", function()
	ask("pause " .. listener)
	local fd = assert(socket.open("127.0.0.1", port))
	socket.write(fd, "early")
	ask("start " .. listener)
	T.eq(socket.read(fd, 5), "early")
	socket.close(fd)
end)

T.test("it connects and sends", function()
	local got
	local id = socket.listen("127.0.0.1", port + 1)
	socket.start(id, function(fd)
		socket.start(fd)
		got = socket.readline(fd)
		socket.close(fd)
	end)
	local fd = ask("connect " .. port + 1)
	event "connect 127.0.0.1"
	T.eq(ask("send " .. fd), "0")
	T.eventually(function() return got end, 1000)
	T.eq(got, "hello")
	event "close"
	T.eq(ask "send 60000", "-1")
	socket.close(id)
	T.ok(tonumber(ask("connect " .. port + 2)))
	event "error"
end)

T.test("UDP comes with its sender's address", function()
	local got
	ask("udp " .. port + 3)
	local id = socket.udp(function(data) got = data end)
	socket.udp_connect(id, "127.0.0.1", port + 3)
	T.eventually(function()
		socket.write(id, "datagram")
		return got
	end, 1000)
	T.eq(got, "datagram")
	event "udp ip4"
	socket.close(id)
end)

T.test("a thread of its own pushes messages, in order", function() T.eq(ask "push", "all in order") end)

T.run()
