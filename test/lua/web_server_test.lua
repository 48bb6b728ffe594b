-- Connections of web_server that are kept open.
local skynet = require "skynet"
local socket = require "skynet.socket"
local web_server = require "web_server"
local T = require "harness"

local REQUEST = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"

local function start(conf)
	conf.keepalive = true
	local listener, _, port = socket.listen("127.0.0.1", 0)
	socket.start(listener, web_server(conf))
	return function()
		return assert(socket.open("127.0.0.1", port))
	end
end

T.test("a client that sends and never reads is cut", function()
	local answers = 0
	local connect = start {
		sendlimit = 100 * 1024,
		answer = function()
			answers = answers + 1
			return ("x"):rep(50 * 1024)
		end,
	}
	local fd = connect()
	socket.pause(fd)
	for _ = 1, 2000 do socket.write(fd, REQUEST) end
	local seen
	T.eventually(function()
		local quiet = answers == seen
		seen = answers
		skynet.sleep(10)
		return quiet and seen > 0
	end)
	T.within(answers, 1, 1000)
	socket.close(fd)
end)

-- The connections of this node that have more than a megabyte to send.
local function full()
	local n = 0
	for _, info in ipairs(socket.netstat()) do
		if (info.wbuffer or 0) > 1024 * 1024 then n = n + 1 end
	end
	return n
end

local LAST = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
local LARGE = ("x"):rep(32 * 1024 * 1024)

T.test("a client that does not read its last answer is cut", function()
	local connect = start { request_limit = 20, answer = function() return LARGE end }
	local fd = connect()
	socket.pause(fd)
	socket.write(fd, LAST)
	T.eventually(function() return full() == 1 end)
	T.eventually(function() return full() == 0 end)
	T.ok(#(socket.readall(fd) or "") < #LARGE)
	socket.close(fd)
end)

T.test("a client that reads its last answer late gets all of it", function()
	local connect = start { request_limit = 1000, answer = function() return LARGE end }
	local fd = connect()
	socket.pause(fd)
	socket.write(fd, LAST)
	T.eventually(function() return full() == 1 end)
	T.ok(#socket.readall(fd) > #LARGE)
	socket.close(fd)
end)

T.test("a connection on which nothing comes is ended", function()
	local connect = start { request_limit = 20, answer = function() return "hello" end }
	local fd = connect()
	socket.write(fd, REQUEST)
	T.ok(socket.readall(fd):find "hello$")
	socket.close(fd)
end)

T.test("an answer that raises is a 500, and the connection goes on", function()
	local count = 0
	local connect = start {
		answer = function()
			count = count + 1
			if count == 1 then error "no" end
			return "second"
		end,
	}
	local fd = connect()
	socket.write(fd, REQUEST .. "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
	local text = socket.readall(fd)
	T.ok(text:find "^HTTP/1%.1 500 .-500 Internal Server ErrorHTTP/1%.1 200 .-second$", text)
	socket.close(fd)
end)

T.run()
