-- Reads that wait: what else may become of the reader, of its coroutine, and of the id meanwhile.
local skynet = require "skynet"
local skynet_coroutine = require "skynet.coroutine"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local net = require "net"
local T = require "harness"

local unpack = table.unpack or unpack

-- Writes and waits until it has arrived.
local function send(from, bytes)
	socket.write(from, bytes)
	skynet.sleep(2)
end

local function results(f, ...)
	return { f(...) }
end

-- A pair of ids, and a read that waits on the second. → ids, the read's coroutine, what waits for its results
local function waiting_read(...)
	local a, b = net.pair()
	local reader
	local wait = net.async(function(...)
		reader = coroutine.running()
		return { pcall(socket.read, b, ...) }
	end, ...)
	skynet.yield()
	return a, b, reader, wait
end

local function close(a, b)
	socket.close(a)
	socket.close(b)
end

T.test("a read that somebody else wakes ends without bytes, and those that come then are for the next", function()
	for _, count in ipairs { false, 5 } do
		local a, b, reader, wait = waiting_read(count or nil)
		T.eq(skynet.wakeup(reader), true)
		T.eq(skynet.wakeup(reader), true) -- it has not run yet
		-- They come before the reader has run.
		socket.write(a, "bytes")
		T.eq(wait(), { true, false, "" })
		T.eq(socket.read(b), "bytes")
		T.eq(skynet.wakeup(reader), nil)
		close(a, b)
	end
end)

T.test("who wakes a reader may take what it has so far", function()
	local a, b, reader, wait = waiting_read(10)
	send(a, "abcd")
	skynet.wakeup(reader)
	T.eq(socket.read(b, 3), "abc")
	T.eq(wait(), { true, false, "d" })
	close(a, b)
end)

T.test("an id whose reader was killed is free for the next one", function()
	local reads = {
		function(b) return socket.read(b) end,
		function(b) return socket.read(b, 6) end,
		function(b) return socket.readline(b) end,
		function(b) return socket.readall(b) end,
		function(b) return socket.block(b) end,
		-- the wait of a coroutine that the task drives
		function(b) return skynet_coroutine.wrap(socket.readline)(b) end,
	}
	for i, read in ipairs(reads) do
		local a, b = net.pair()
		local victim = skynet.fork(read, b)
		skynet.yield()
		local part = i ~= 1 and i ~= 5 and "abc" or "" -- any bytes end those two
		send(a, part)
		T.eq(skynet.killthread(victim), victim)
		T.eq(skynet.wakeup(victim), nil)
		local wait = net.async(socket.readline, b)
		send(a, "def\nghi")
		T.eq(wait(), part .. "def", i)
		T.eq(socket.read(b), "ghi", i)
		close(a, b)
	end
end)

T.test("when its reader was killed a stream is paused as one that nobody reads", function()
	for _, read in ipairs { socket.readline, socket.readall, function(b) return socket.read(b, 1000000) end } do
		local a, b = net.pair()
		local victim = skynet.fork(read, b)
		skynet.yield()
		skynet.killthread(victim)
		socket.write(a, ("x"):rep(1000000))
		T.ok(net.logged(function() skynet.sleep(10) end):find "Pause socket")
		T.eq(#socket.read(b, 1000000), 1000000)
		close(a, b)
	end
end)

T.test("an id is closed and forgotten though the task that closes it is killed", function()
	local a, b = net.pair()
	local victim = skynet.fork(socket.close, b)
	skynet.yield()
	skynet.killthread(victim)
	T.eventually(function() return socket.invalid(b) end)
	T.eq({ socket.read(a) }, { false, "" })
	socket.close(a)
end)

T.test("the end of a stream frees an id whose reader was killed", function()
	local a, b, reader = waiting_read()
	skynet.killthread(reader)
	socket.close(a)
	skynet.sleep(2)
	T.eq(results(socket.read, b), { false, "" })
	socket.close(b)
end)

T.test("one coroutine waits on an id; others may take what is held", function()
	local waits = {
		function(b) return socket.read(b) end,
		function(b) return socket.read(b, 100) end,
		function(b) return socket.readline(b) end,
		function(b) return socket.readall(b) end,
	}
	local a, b, reader, wait = waiting_read(10)
	for _, f in ipairs(waits) do T.raises("assertion failed!", f, b) end
	T.raises("assertion failed!", socket.block, b)
	send(a, "abcd")
	T.eq(socket.block(b), true)
	T.eq(socket.read(b, 1), "a")
	T.eq(socket.read(b), "bcd")
	send(a, "0123456789")
	T.eq(wait(), { true, "0123456789" })
	for i, f in ipairs(waits) do
		local other = skynet.fork(f, b)
		skynet.yield()
		T.raises("assertion failed!", socket.read, b)
		T.raises("assertion failed!", socket.read, b, 3)
		if i < 4 then
			send(a, ("\n"):rep(100))
		else
			T.eq(skynet.wakeup(other), true)
			skynet.yield()
		end
		while socket.held(b) > 0 do socket.read(b) end
	end
	T.eq(reader and skynet.wakeup(reader), nil)
	close(a, b)
end)

T.test("a task that reads is in the list of tasks, by its session too, and can be ended by its name", function()
	local before = skynet.task()
	local a, b, reader = waiting_read()
	T.eq(skynet.task(), before + 1)
	local session = skynet.task(reader)
	T.eq(type(session), "number")
	T.ok(skynet.task(session):find("socket.read", 1, true) or skynet.task(session):find("socket.lua", 1, true))
	local list = {}
	skynet.task(list)
	T.eq(list[string.format("%s session: %d", reader, session)], skynet.task(session))
	T.eq(skynet.killthread((tostring(reader):gsub("^thread: ", ""))), reader)
	T.eq(skynet.task(), before)
	T.eq(skynet.task(session), "No session")
	T.eq(skynet.task(reader), nil)
	close(a, b)
end)

T.test("a read in a plain coroutine of a task leaves the bytes to the next reader", function()
	local a, b = net.pair()
	local task = net.async(function()
		local inner = coroutine.wrap(function() return socket.read(b) end)
		T.eq(inner(), "SUSPEND")
		skynet.sleep(10) -- ends the wait of the inner one
		T.eq(socket.held(b), 5)
		return socket.read(b)
	end)
	skynet.yield()
	send(a, "bytes")
	T.eq(task(), "bytes")
	close(a, b)
end)

T.test("who drives a coroutine may drop what it is resumed with", function()
	local a, b = net.pair()
	local task = net.async(function()
		local first, second
		local inner = coroutine.create(function()
			first = socket.read(b)
			second = socket.read(b, 3)
		end)
		while coroutine.status(inner) ~= "dead" do
			local ok, what = coroutine.resume(inner, "of no use", 1)
			assert(ok, what)
			if what then coroutine.yield(what) end
		end
		return { first, second }
	end)
	skynet.yield()
	send(a, "first")
	send(a, "second")
	T.eq(task(), { "first", "sec" })
	T.eq(socket.read(b), "ond")
	close(a, b)
end)

T.test("a read where no yield is possible raises", function()
	local a, b = net.pair()
	T.raises("attempt to yield across a C-call boundary", function()
		return ("x"):gsub("x", function() return socket.read(b) end)
	end)
	send(a, "bytes")
	T.eq((("x"):gsub("x", function() return socket.read(b) end)), "bytes")
	local wait = net.async(socket.read, b)
	send(a, "more")
	T.eq(wait(), "more")
	close(a, b)
end)

T.test("a coroutine that somebody waits on as a token cannot wait in a read", function()
	local a, b = net.pair()
	local reader, go = nil, {}
	local wait = net.async(function()
		reader = coroutine.running()
		skynet.wait(go)
		return { pcall(socket.read, b) }
	end)
	skynet.yield()
	skynet.fork(skynet.wait, reader)
	skynet.yield()
	skynet.wakeup(go)
	local ok, err = unpack(wait())
	T.eq(ok, false)
	T.ok(err:find "token duplicative", err)
	T.eq(skynet.wakeup(reader), true)
	close(a, b)
end)

T.test("a traced task reads as others do", function()
	local a, b = net.pair()
	local wait = net.async(function()
		skynet.trace "read"
		local first = socket.read(b)
		return { first, socket.read(b, 4), (socket.read(b, 2)), socket.read(b, 10) }
	end)
	local other_a, other_b = net.pair()
	local other = net.async(socket.read, other_b)
	skynet.yield()
	send(a, "one")
	send(a, "fo")
	send(a, "ur")
	send(a, "xyz")
	send(other_a, "other")
	T.eq(other(), "other")
	socket.close(a)
	T.eq(wait(), { "one", "four", "xy", false, "z" })
	socket.close(b)
	close(other_a, other_b)
end)

T.test("a stream that is paused while a read waits gives nothing until it is resumed", function()
	local a, b, _, wait = waiting_read()
	socket.pause(b)
	send(a, "bytes")
	T.eq(socket.held(b), 0)
	socket.resume(b)
	T.eq(wait(), { true, "bytes" })
	socket.pause(b)
	local second = net.async(socket.read, b)
	send(a, "again")
	T.eq(second(), "again")
	close(a, b)
end)

T.test("a read of an id whose bytes somebody takes lasts until the stream ends", function()
	local a, b = net.pair()
	local taken = ""
	socket.take(b, function(_, data, size)
		taken = taken .. skynet.tostring(data, size)
		driver.drop(data, size)
		return 0
	end)
	local wait = net.async(results, socket.read, b)
	send(a, "one")
	send(a, "two")
	T.eq(taken, "onetwo")
	socket.close(a)
	T.eq(wait(), { false, "" })
	socket.close(b)
end)

T.test("bytes that are put back while a read waits come first", function()
	local a, b, _, wait = waiting_read()
	socket.unread(b, "one ")
	send(a, "two")
	T.eq(wait(), { true, "one two" })
	close(a, b)
end)

T.test("a limit does not count while a fixed number of bytes is awaited", function()
	local a, b, _, wait = waiting_read(1000)
	T.raises("a number of bytes expected, got few", socket.limit, b, "few")
	socket.limit(b, "10")
	send(a, ("x"):rep(500))
	send(a, ("y"):rep(600))
	T.eq(#wait()[2], 1000)
	T.eq(#socket.read(b), 100)
	T.eq(net.logged(function() send(a, ("z"):rep(50)) end), "socket buffer overflow: fd=" .. b .. " size=50")
	T.eq(results(socket.read, b), { ("z"):rep(50) })
	T.eq(results(socket.read, b), { false, "" })
	close(a, b)
end)

T.test("what a read may be asked for", function()
	local a, b = net.pair()
	send(a, "0123456789")
	T.eq(socket.read(b, 0), "")
	T.eq(socket.read(b, -1), "")
	T.eq(socket.read(b, 3.0), "012")
	T.eq(socket.read(b, "3"), "345")
	T.raises("no number", socket.read, b, "many")
	T.raises("compare", socket.read, b, false)
	T.raises("assertion failed!", socket.read, 2 ^ 30)
	T.raises("assertion failed!", socket.read, nil)
	T.eq(socket.read(b), "6789")
	local wait = net.async(socket.read, b, 2.0)
	send(a, "ab")
	T.eq(wait(), "ab")
	wait = net.async(results, socket.read, b, 1e15)
	send(a, "ab")
	socket.close(a)
	T.eq(wait(), { false, "ab" })
	T.eq(results(socket.read, b, 1), { false, "" })
	socket.close(b)
end)

T.test("a coroutine within a task that waits in a read can be woken", function()
	local a, b = net.pair()
	local inner
	local wait = net.async(function()
		inner = skynet_coroutine.create(function() return results(socket.read, b, 5) end)
		return select(2, skynet_coroutine.resume(inner))
	end)
	skynet.yield()
	send(a, "abc")
	T.eq(skynet.wakeup(inner), true)
	T.eq(wait(), { false, "abc" })
	close(a, b)
end)

T.test("bytes stay held when there is no memory for them, and the reader is told", function()
	local size = 3 * 1024 * 1024
	local listener, port = net.serve(function(id)
		socket.write(id, ("x"):rep(size))
		socket.read(id)
	end)
	for _, waits in ipairs { true, false } do
		local service = skynet.newservice("full_reader", port, size)
		local first, err, held, second = skynet.call(service, "lua", "read", waits)
		T.eq(first, false)
		T.ok(err:find "not enough memory", err)
		T.eq(held, size)
		T.eq(second, size)
		skynet.kill(service)
	end
	socket.close(listener)
end)

T.run()
