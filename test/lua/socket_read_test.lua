-- Reads that wait: who gets the bytes that come, whatever becomes of the reader.
local skynet = require "skynet"
local skynet_coroutine = require "skynet.coroutine"
local socket = require "skynet.socket"
local net = require "net"
local T = require "harness"

local KB = 1024

-- Writes and waits until it has arrived: as many bytes as that makes are held, or have been read.
local function send(from, bytes)
	socket.write(from, bytes)
	skynet.sleep(2)
end

T.test("what a killed reader waited for is for the next one", function()
	for _, count in ipairs { false, 1, 10 } do
		local a, b = net.pair()
		local victim = skynet.fork(function() socket.read(b, count or nil) end)
		skynet.yield()
		if count == 10 then send(a, "abc") end
		skynet.killthread(victim)
		send(a, "defghijkl")
		T.eq(socket.held(b), count == 10 and 12 or 9)
		T.eq(socket.read(b, 3), count == 10 and "abc" or "def")
		socket.close(a)
		socket.close(b)
	end
end)

T.test("a reader that is woken by somebody else has no more part in what comes", function()
	local a, b = net.pair()
	local results
	local reader = skynet.fork(function() results = { socket.read(b, 10) } end)
	skynet.yield()
	send(a, "abc")
	T.eq(skynet.wakeup(reader), true)
	skynet.yield()
	T.eq(results, { false, "abc" })
	local wait = net.async(socket.read, b, 4)
	send(a, "defg")
	T.eq(wait(), "defg")
	socket.close(a)
	socket.close(b)
end)

T.test("a coroutine within a task reads as the task does", function()
	local a, b = net.pair()
	local inner = skynet_coroutine.create(function()
		local first = socket.read(b, 3)
		skynet_coroutine.yield(first)
		return (socket.read(b))
	end)
	local function step()
		local ok, value = skynet_coroutine.resume(inner)
		return ok and value or error(value)
	end
	local wait = net.async(step)
	skynet.yield()
	send(a, "ab")
	send(a, "cde")
	T.eq(wait(), "abc")
	T.eq(step(), "de")
	socket.close(a)
	socket.close(b)
end)

T.test("a read of many bytes gets them however they come", function()
	local a, b = net.pair()
	local wait = net.async(socket.read, b, 1000 * KB)
	for i = 1, 1000 do
		socket.write(a, ("%d"):format(i % 10):rep(KB))
		if i % 7 == 0 then skynet.yield() end
	end
	local bytes = wait()
	T.eq(#bytes, 1000 * KB)
	for i = 1, 1000 do T.eq(bytes:byte(i * KB), ("0"):byte() + i % 10) end
	socket.close(a)
	socket.close(b)
end)

T.test("what comes beyond a small read is paused, and read later", function()
	local a, b = net.pair()
	local wait = net.async(socket.read, b, 2)
	skynet.yield()
	socket.write(a, ("x"):rep(20000 * KB))
	T.eq(wait(), "xx")
	skynet.sleep(20)
	T.ok(socket.held(b) < 10000 * KB)
	T.eq(#socket.read(b, 20000 * KB - 2), 20000 * KB - 2)
	socket.close(a)
	socket.close(b)
end)

T.test("a reader of more than comes gets the rest when the stream ends", function()
	local a, b = net.pair()
	local wait = net.async(function(...) return { socket.read(...) } end, b, 10)
	send(a, "abcd")
	socket.close(a)
	T.eq(wait(), { false, "abcd" })
	socket.close(b)
end)

T.test("the number of bytes may be a text, as a header has it", function()
	local a, b = net.pair()
	send(a, "abcdef")
	T.eq(socket.read(b, "2"), "ab")
	skynet.timeout(1, function() socket.write(a, "ghi") end)
	T.eq(socket.read(b, "7"), "cdefghi")
	T.raises("no number", socket.read, b, "many")
	socket.close(a)
	T.eq({ socket.read(b, "1") }, { false, "" })
	socket.close(b)
end)

T.test("each of many readers gets the bytes of its own socket", function()
	local listener, port = net.serve(function(id)
		while true do
			local count = socket.read(id, 1)
			if not count then break end
			socket.write(id, socket.read(id, count:byte()))
		end
	end)
	local done, count = 0, 60
	for i = 1, count do
		skynet.fork(function()
			local id = socket.open(net.host, port)
			for round = 1, 30 do
				local size = (i * 31 + round * 17) % 255 + 1
				local bytes = string.char((i + round) % 256):rep(size)
				if round % 2 == 0 then
					socket.write(id, string.char(size) .. bytes)
				else
					socket.write(id, string.char(size))
					skynet.yield()
					socket.write(id, bytes)
				end
				T.eq(socket.read(id, size), bytes)
			end
			socket.close(id)
			done = done + 1
		end)
	end
	T.eventually(function() return done == count end)
	socket.close(listener)
end)

T.test("a reader whose id is abandoned goes on, and the next owner gets what comes", function()
	local a, b = net.pair()
	local wait = net.async(function(...) return { socket.read(...) } end, b)
	skynet.yield()
	socket.abandon(b)
	T.eq(wait(), { false, "" })
	T.eq(socket.start(b), b)
	send(a, "for the next")
	T.eq(socket.read(b), "for the next")
	socket.close(a)
	socket.close(b)
end)

T.run()
