-- skynet.socket beyond the conformance cases: what skynet does wrong, and the additions.
local skynet = require "skynet"
require "skynet.manager"
local core = require "skynet.core"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local net = require "net"
local T = require "harness"

local MB = 1024 * 1024

T.test("readall takes more than the pause limit while it waits", function()
	local a, b = net.pair()
	local wait = net.async(socket.readall, b)
	skynet.sleep(1)
	for _ = 1, 8 do
		socket.write(a, ("x"):rep(MB / 2))
		skynet.yield()
	end
	socket.close(a)
	T.eq(#wait(), 4 * MB)
	socket.close(b)
end)

T.test("what a service sends as an event of a socket is not believed", function()
	local a, b = net.pair()
	local wait = net.async(socket.read, b)
	for _, event in ipairs { net.forged(b), net.forged(0), net.forged(b) .. "more", "cut" } do
		skynet.rawsend(skynet.self(), "socket", event)
		skynet.redirect(skynet.self(), skynet.self(), "socket", 0, event)
		T.raises("call failed", skynet.rawcall, skynet.self(), "socket", event)
	end
	socket.write(a, "from the network")
	T.eq(wait(), "from the network")
	socket.close(a)
	socket.close(b)
end)

T.test("what comes for a service that asks for no messages is closed, and freed", function()
	local free, _, port = socket.listen(net.host, 0)
	socket.close(free)
	local accepted
	local listener, _, peer_port = socket.listen(net.host, 0)
	socket.start(listener, function(id) accepted = id end)
	local deaf = skynet.launch("snlua", "deaf", port, peer_port)
	T.eventually(function() return accepted end)
	core.command("LOGON", skynet.address(deaf)) -- who reads along makes an event of the bytes
	local datagrams = socket.udp(function() end)
	socket.udp_connect(datagrams, net.host, port)
	socket.write(datagrams, "a datagram") -- the sanitizer tells what becomes of this,
	assert(socket.start(accepted))
	socket.write(accepted, "bytes") -- and of this
	T.eq(socket.read(assert(socket.open(net.host, port))), false)
	skynet.kill(deaf)
	T.eq(socket.read(accepted), false)
	for _, id in ipairs { accepted, listener, datagrams } do socket.close(id) end
end)

T.test("readall takes up a stream that was paused before", function()
	local a, b = net.pair()
	socket.write(a, ("x"):rep(2 * MB))
	skynet.sleep(10)
	local wait = net.async(socket.readall, b)
	skynet.sleep(5)
	socket.close(a)
	T.eq(#wait(), 2 * MB)
	socket.close(b)
end)

T.test("block does not wait for more when bytes are held", function()
	local a, b = net.pair()
	socket.write(a, "held")
	T.eq(socket.block(b), true)
	T.eq(socket.block(b), true)
	T.eq(socket.read(b, 4), "held")
	socket.close(a)
	T.eq(socket.block(b), false)
	socket.close(b)
end)

T.test("a read of nothing gives nothing at once and leaves what is held", function()
	local a, b = net.pair()
	T.eq(socket.read(b, 0), "")
	socket.write(a, "abc")
	socket.block(b)
	T.eq(socket.read(b, 0), "")
	T.eq(socket.read(b), "abc")
	socket.close(a)
	socket.close(b)
end)

T.test("a line may be bounded: what is too long stays held", function()
	local a, b = net.pair()
	socket.write(a, ("x"):rep(100))
	T.eq(socket.readline(b, "\n", 50), nil)
	local wait = net.async(socket.readline, b, "\n", 200)
	skynet.sleep(2)
	socket.write(a, ("y"):rep(200))
	T.eq(wait(), nil)
	T.eq(socket.held(b), 300)
	socket.write(a, "\n")
	T.eq(#socket.readline(b, "\n", 400), 300)
	socket.close(a)
	socket.close(b)
end)

T.test("a write takes an id and its bytes in each form that they may have", function()
	local a, b = net.pair()
	for _, write in ipairs { socket.write, socket.lwrite } do
		local memory, size = driver.str2p "six"
		T.eq({ write(a, "one"), write(tostring(a), "two"), write(a + 0.0, "three"), write(a, 4), write(a, { "fi", "ve" }),
			write(a, ""), write(a, memory, size) }, { true, true, true, true, true, true, true })
		T.eq(socket.read(b, 19), "onetwothree4fivesix")
	end
	T.raises("number expected", socket.write, nil, "x")
	T.raises("number expected", socket.write, "no id", "x")
	T.raises("string expected", socket.write, a)
	T.raises("string expected", socket.write, a, true)
	T.eq(socket.write(-1, "x"), false)
	T.eq(socket.write(2 ^ 30, "x"), false)
	socket.close(a)
	socket.close(b)
end)

T.test("unread bytes are read first, by every kind of read", function()
	local a, b = net.pair()
	socket.write(a, "tail")
	socket.block(b)
	socket.unread(b, "head ")
	T.eq(socket.held(b), 9)
	T.eq(socket.read(b, 6), "head t")
	socket.unread(b, "one\ntwo")
	T.eq(socket.readline(b), "one")
	socket.close(a)
	T.eq(socket.readall(b), "twoail")
	socket.close(b)
	socket.unread(b, "nobody")
end)

T.test("open may be given a time limit", function()
	-- the queue of a listener that accepts nothing fills up: later connections get no answer
	local listener, _, port = socket.listen(net.host, 0, 1)
	local opened, timed_out = {}, nil
	local began = skynet.now()
	for _ = 1, 20 do
		local id, reason = socket.open(net.host, port, 20)
		if not id then
			timed_out = reason
			break
		end
		opened[#opened + 1] = id
	end
	T.eq(timed_out, "timed out")
	T.within(skynet.now() - began, 19, 1000)
	for _, id in ipairs(opened) do socket.close(id) end
	socket.close(listener)
end)

T.test("a task that is killed while it opens a connection leaves none", function()
	local accepted, open, listener, port = 0, 0, nil, nil
	listener, port = net.serve(function(id)
		accepted, open = accepted + 1, open + 1
		socket.readall(id)
		open = open - 1
	end)
	for yields = 0, 20 do
		local victim = skynet.fork(function() socket.close(socket.open(net.host, port)) end)
		for _ = 1, yields % 3 do skynet.yield() end
		skynet.killthread(victim)
		skynet.sleep(1)
	end
	T.eventually(function() return open == 0 end)
	T.ok(accepted > 0)
	socket.close(listener)
end)

T.test("two coroutines may close one id", function()
	local a, b = net.pair()
	local first, second = net.async(socket.close, a), net.async(socket.close, a)
	first()
	second()
	T.eq(socket.invalid(a), true)
	T.eq({ socket.read(b) }, { false, "" })
	socket.close(b)
end)

T.test("an id whose peer has closed can be closed while a read waits elsewhere", function()
	local a, b = net.pair()
	local wait = net.async(socket.readline, b)
	socket.write(a, "no end of line")
	socket.close(a)
	T.eq({ wait() }, { false, "no end of line" })
	socket.close(b)
	T.raises("assertion failed", socket.read, b)
end)

T.test("a start of an id whose peer has gone fails, and the id is free", function()
	local accepted
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id) accepted = id end)
	local a = assert(socket.open(net.host, port))
	T.eventually(function() return accepted end)
	socket.shutdown(a)
	socket.close(a)
	skynet.sleep(5)
	local id = socket.start(accepted)
	if id then
		-- the end was not noticed before the start: then the first read tells
		T.eq({ socket.read(id) }, { false, "" })
		socket.close(id)
	end
	T.eq(socket.invalid(accepted), true)
	socket.close_fd(accepted)
	socket.close(listener)
end)

T.test("an accept callback that raises leaves no connection behind, though its peer stays", function()
	local listener, ip, port = socket.listen(net.host, 0)
	socket.start(listener, function() error "no luck with this one" end)
	local before = net.count "TCP"
	local peer
	net.logged(function()
		peer = assert(socket.open(ip, port))
		T.eq({ socket.read(peer) }, { false, "" })
	end)
	socket.close(peer)
	T.eventually(function() return net.count "TCP" <= before end)
	socket.close(listener)
end)

T.test("a reset by the peer is logged with its cause, ends reads and calls onclose", function()
	local a, b = net.pair()
	local closed
	socket.onclose(a, function(id) closed = id end)
	socket.pause(b)
	socket.write(a, "unread bytes make the cut a reset")
	skynet.sleep(3)
	local logged = net.logged(function()
		socket.shutdown(b)
		T.eventually(function() return closed end)
	end)
	T.eq(logged, ("socket: error on %d Connection reset by peer"):format(a))
	T.eq(closed, a)
	T.eq({ socket.read(a) }, { false, "" })
	T.eq({ socket.write(a, "x"), socket.disconnected(a) }, { false, true })
	T.eq({ socket.start(a) }, { nil, "socket closed" })
	socket.close(a)
	T.raises("assertion failed", socket.read, a)
	socket.close(b)
end)

-- Whether the socket server knows the id; what it has said of the id is in the mailbox then, not handled yet.
local function known(id)
	for _, s in ipairs(socket.netstat()) do
		if s.id == id then return true end
	end
end

T.test("close returns when an error of the connection is on its way", function()
	local a, b = net.pair()
	socket.pause(b)
	socket.write(a, "unread bytes make the cut a reset")
	skynet.sleep(3)
	socket.shutdown(b)
	local deadline = skynet.hpc() + 5e9
	while known(a) and skynet.hpc() < deadline do end -- no yield: the error must not be handled before the close
	T.eq(known(a), nil)
	local first, second = net.async(socket.close, a), net.async(socket.close, a)
	first()
	second()
	T.eq(socket.invalid(a), true)
	socket.close(b)
end)

T.test("close returns when the id is abandoned meanwhile", function()
	local a, b = net.pair()
	local closed = net.async(socket.close, a)
	skynet.fork(socket.abandon, a)
	closed()
	T.eq({ socket.read(b) }, { false, "" })
	socket.close(b)
end)

T.test("a killed service leaves no socket behind", function()
	local before = net.count "TCP" + net.count "LISTEN"
	local victim = skynet.newservice("net_victim")
	local port = skynet.call(victim, "lua", "open")
	local a = assert(socket.open(net.host, port))
	socket.write(a, "hello")
	T.eq(socket.read(a, 5), "hello")
	skynet.kill(victim)
	T.eq({ socket.read(a) }, { false, "" })
	socket.close(a)
	T.eventually(function() return net.count "TCP" + net.count "LISTEN" <= before end)
	T.eq((select(2, socket.open(net.host, port))), "Connection refused")
end)

T.test("a thousand connections come and go without a trace", function()
	local before = net.count "TCP"
	local listener, port = net.serve(function(id)
		socket.write(id, assert(socket.readline(id)))
	end)
	for _ = 1, 20 do
		local waits = {}
		for i = 1, 50 do
			waits[i] = net.async(function()
				local id = assert(socket.open(net.host, port))
				socket.write(id, i .. "\n")
				T.eq(socket.readall(id), tostring(i))
				socket.close(id)
			end)
		end
		for i = 1, 50 do waits[i]() end
	end
	T.eventually(function() return net.count "TCP" <= before end)
	socket.close(listener)
end)

T.test("a slow reader holds the sender's bytes, not the reader's memory", function()
	local a, b = net.pair()
	local sent, piece = 0, ("x"):rep(MB)
	for _ = 1, 64 do
		socket.write(a, piece)
		sent = sent + #piece
	end
	skynet.sleep(20)
	-- what came while this service was busy with the writing, and no more
	T.within(socket.held(b), 1, 48 * MB)
	local got = 0
	while got < sent do got = got + #assert(socket.read(b)) end
	T.eq(got, sent)
	socket.close(a)
	socket.close(b)
end)

do
	local driver = require "skynet.socketdriver"
	-- driver.udp_connect of this id; of a udp id when it is nil, of a stream's when it is "stream"
	local function udp_connect(id)
		return function(host, port)
			local own = id == "stream" and socket.listen("127.0.0.1", 0) or not id and driver.udp() or nil
			local ok, err = pcall(driver.udp_connect, own or id, host, port)
			if own then driver.close(own) end
			if not ok then error(err, 0) end
		end
	end
	-- What is tried where a nil port is one that is taken, and what its error says.
	local cases = {
		{ "socket.listen", socket.listen, "127.0.0.1", nil, "Listen error: 127.0.0.1:%d: Address already in use" },
		{ "driver.listen", driver.listen, "127.0.0.1", nil, "Listen error: 127.0.0.1:%d: Address already in use" },
		{ "listen elsewhere", socket.listen, "192.0.2.1", 80, "Listen error: 192.0.2.1:80: Cannot assign requested address" },
		{ "listen on a port that is none", socket.listen, "127.0.0.1", 65536,
			"Listen error: 127.0.0.1:65536: no such port, the last is 65535" },
		{ "listen on v6", socket.listen, "2001:db8::1", 80, "Listen error: [2001:db8::1]:80: " },
		{ "listen by name", socket.listen, "no such host.invalid", 80,
			"Listen error: no such host.invalid:80: no address found for this host" },
		{ "udp", driver.udp, "192.0.2.1", 80, "udp init failed: 192.0.2.1:80: Cannot assign requested address" },
		{ "udp_listen", driver.udp_listen, "192.0.2.1", 80,
			"udp listen host failed: 192.0.2.1:80: Cannot assign requested address" },
		{ "udp_listen on 0", driver.udp_listen, "127.0.0.1", 0, "udp listen host failed: 127.0.0.1:0: Invalid argument" },
		{ "udp_dial", driver.udp_dial, "no such host.invalid", 80,
			"udp dial host failed: no such host.invalid:80: no address found for this host" },
		{ "udp_connect of an unknown id", udp_connect(0x7ffffff0), "127.0.0.1", 80, "udp connect failed: 127.0.0.1:80: Bad file descriptor" },
		{ "udp_connect to no host", udp_connect(), "no such host.invalid", 80,
			"udp connect failed: no such host.invalid:80: no address found for this host" },
		{ "udp_connect of a stream", udp_connect("stream"), "127.0.0.1", 80,
			"udp connect failed: 127.0.0.1:80: Protocol wrong type for socket" },
	}
	for _, case in ipairs(cases) do
		local name, f, host, port, text = case[1], case[2], case[3], case[4], case[5]
		T.test("an error names the address and the cause: " .. name, function()
			local listener, _, taken = socket.listen("127.0.0.1", 0)
			T.raises(text:format(taken), f, host, port or taken)
			socket.close(listener)
		end)
	end
end

T.run(3000)
