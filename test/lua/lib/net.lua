--- What the network tests share.
local skynet = require "skynet"
local socket = require "skynet.socket"

local PATIENCE = 1500 -- how long a task may take, in 1/100 s: a busy machine may give the node little

local net = { host = "127.0.0.1" }

--- A connected pair of ids inside this service.
---@async
function net.pair()
	local accepted
	local listener, ip, port = socket.listen(net.host, 0)
	local me = {}
	socket.start(listener, function(id)
		accepted = id
		skynet.wakeup(me)
	end)
	local a = assert(socket.open(ip, port))
	while not accepted do skynet.sleep(100, me) end
	socket.close(listener)
	assert(socket.start(accepted))
	return a, accepted
end

--- What an event of the socket `id` would look like that brings 16 bytes, at an address that nobody has.
---@param id integer
function net.forged(id)
	local function word(n)
		return string.char(n % 256, math.floor(n / 256) % 256, math.floor(n / 65536) % 256, math.floor(n / 16777216) % 256)
	end
	return word(1) .. word(id) .. word(16) .. word(0) .. word(16) .. word(0)
end

--- The head of a WebSocket client's handshake, without the empty line that ends it.
---@param path string
function net.handshake(path)
	return "GET " .. path .. " HTTP/1.1\r\nHost: me\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		.. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
end

--- A socket after a WebSocket handshake. → id, what the server answered
---@async
---@param port integer
---@param path string
---@param extra? string  further lines of the head
function net.websocket(port, path, extra)
	local id = assert(socket.open(net.host, port))
	socket.write(id, net.handshake(path) .. (extra or "") .. "\r\n")
	return id, socket.readline(id, "\r\n\r\n")
end

local ASK_AND_END = [[python3 -c '
import socket
s = socket.create_connection(("%s", %d))
s.sendall(bytes.fromhex("%s"))
s.shutdown(socket.SHUT_WR)
got = b""
while part := s.recv(1000): got += part
open("%s", "wb").write(got + b".")
' &]]

--- What a client gets that sends bytes, ends its own side of the connection, and reads to the end.
---@async
function net.ask_and_end(port, bytes)
	local name = os.tmpname()
	local hex = bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
	os.execute(ASK_AND_END:format(net.host, port, hex, name))
	local text
	for _ = 1, PATIENCE do
		local file = io.open(name)
		text = file:read "*a"
		file:close()
		if text:sub(-1) == "." then break end
		skynet.sleep(1)
	end
	os.remove(name)
	return text:sub(1, -2)
end

--- Serves each connection with handler(id), which is closed when that returns. → listen id, port
---@async
function net.serve(handler)
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id)
		assert(socket.start(id))
		handler(id)
		socket.close(id)
	end)
	return listener, port
end

--- Runs f in a task of its own. → a function that waits for its results and gives them, or raises its error
function net.async(f, ...)
	local box, me = {}, {}
	skynet.fork(function(...)
		box = { done = true, pcall(f, ...) }
		skynet.wakeup(me)
	end, ...)
	return function()
		if not box.done then skynet.sleep(PATIENCE, me) end
		if not box.done then error("the task did not end in time", 2) end
		if not box[1] then error(box[2], 0) end
		return (table.unpack or unpack)(box, 2)
	end
end

--- Calls f(1) to f(count) in tasks of their own, and counts how they end: right are those that return their number.
---@return { right: integer, wrong: integer, failed: integer, ended: integer, errors: any[] } result  goes on changing
function net.many(count, f)
	local result = { right = 0, wrong = 0, failed = 0, ended = 0, errors = {} }
	for i = 1, count do
		skynet.fork(function()
			local ok, value = pcall(f, i)
			local how = not ok and "failed" or value == i and "right" or "wrong"
			if not ok then table.insert(result.errors, value) end
			result[how] = result[how] + 1
			result.ended = result.ended + 1
		end)
	end
	return result
end

--- Calls f while lines that go to skynet.error are gathered. → the lines, joined
function net.logged(f)
	local before, lines = skynet.error, {}
	skynet.error = function(...)
		local words = { ... }
		for i = 1, #words do words[i] = tostring(words[i]) end
		lines[#lines + 1] = table.concat(words, " ")
	end
	local ok, err = pcall(f)
	skynet.error = before
	if not ok then error(err, 0) end
	return table.concat(lines, "\n")
end

--- The ids of this node's sockets, by kind.
function net.count(kind)
	local n = 0
	for _, s in ipairs(socket.netstat()) do
		if s.type == kind then n = n + 1 end
	end
	return n
end

--- Waits until the sockets of this node have got all that they sent to each other.
---@async
function net.settle()
	-- What was written before is with the kernel when these are connected.
	for _, id in ipairs { net.pair() } do socket.close(id) end
	local sent, got
	repeat
		sent, got = 0, 0
		for _, s in ipairs(socket.netstat()) do
			if s.type == "TCP" then sent, got = sent + s.write + s.wbuffer, got + s.read end
		end
		skynet.sleep(1) -- what has come is a message, and handled afterwards
	until sent == got
end

return net
