-- What waits, called where nothing can: in a callback of a C function. It raises, does nothing, and leaves nothing behind
-- that would wake its coroutine later.
local skynet = require "skynet"
local socket = require "skynet.socket"
local pool = require "skynet.db.pool"
local socketchannel = require "skynet.socketchannel"
local net = require "net"
local T = require "harness"

-- f in such a callback, and then a wait of the same coroutine for an event of its own. → how often that was woken in vain
local function woken_in_vain(f, meanwhile)
	local woken, over = 0, false
	local co = skynet.fork(function()
		T.raises("C-call boundary", string.gsub, "x", "x", function() f() end)
		while true do
			skynet.wait() -- the coroutine is the token
			if over then return end
			woken = woken + 1
		end
	end)
	skynet.sleep(1)
	if meanwhile then meanwhile() end
	skynet.sleep(10)
	over = true
	skynet.wakeup(co)
	return woken
end

local function sockets()
	local count = 0
	for _, entry in ipairs(socket.netstat()) do
		if entry.address == skynet.self() then count = count + 1 end
	end
	return count
end

T.test("socket.open and socket.listen make no socket", function()
	local listener, port = net.serve(function(id) socket.read(id) end)
	local before = sockets()
	T.eq(woken_in_vain(function() socket.open(net.host, port) end), 0)
	T.eq(woken_in_vain(function() socket.listen(net.host, 0) end), 0)
	T.eq(sockets(), before)
	socket.close(listener)
end)

T.test("an id whose start has raised can be started", function()
	local accepted
	local listener, ip, port = socket.listen(net.host, 0)
	T.eq(woken_in_vain(function() socket.start(listener, print) end), 0)
	socket.start(listener, function(id) accepted = id end)
	local id = assert(socket.open(ip, port))
	T.eventually(function() return accepted end)
	T.eq(woken_in_vain(function() socket.start(accepted) end), 0)
	T.eq(socket.start(accepted), accepted)
	socket.write(id, "through")
	T.eq(socket.read(accepted, 7), "through")
	for _, each in ipairs { id, accepted, listener } do socket.close(each) end
end)

T.test("what comes after a read that has raised is for the next read", function()
	local a, b = net.pair()
	for _, read in ipairs {
		function() socket.read(a) end,
		function() socket.read(a, 3) end,
		function() socket.readline(a) end,
		function() socket.readall(a) end,
		function() socket.block(a) end,
	} do
		T.eq(woken_in_vain(read, function() socket.write(b, "abc\n") end), 0)
		T.eq(socket.readline(a), "abc")
	end
	socket.close(a)
	socket.close(b)
end)

T.test("a request of a channel that has raised was not sent", function()
	local seen = {}
	local listener, port = net.serve(function(id)
		for line in function() return socket.readline(id) or nil end do
			seen[#seen + 1] = line
			socket.write(id, line .. "\n")
		end
	end)
	local function reply(connection) return true, connection:readline() end
	local by_order = socketchannel.channel { host = net.host, port = port }
	local by_session = socketchannel.channel {
		host = net.host,
		port = port,
		response = function(connection) return 1, true, connection:readline() end,
	}
	for round = 1, 2 do -- the second one is connected
		for _, request in ipairs {
			function(text) return by_order:request(text .. "\n", reply) end,
			function(text) return by_session:request(text .. "\n", 1) end,
		} do
			T.eq(woken_in_vain(function() request "in vain" end), 0)
			T.eq(request("round " .. round), "round " .. round)
		end
	end
	T.eq(woken_in_vain(function() by_order:response(reply) end, function() by_order:request "unasked\n" end), 0)
	T.eq(by_order:response(reply), "unasked")
	for _, line in ipairs(seen) do T.ok(line ~= "in vain") end
	by_order:close()
	by_session:close()
	socket.close(listener)
end)

T.test("a pool gives no connection to who cannot wait for it", function()
	local connections = pool.new { open = function() return {} end, close = function() end, size = 1 }
	local connection = connections:acquire()
	T.eq(woken_in_vain(function() connections:acquire() end), 0)
	T.eq(woken_in_vain(function() connections:use(print) end), 0)
	T.eq(connections:stats().waiting, 0)
	connections:release(connection)
	T.eq(connections:acquire(100), connection)
end)

T.run()
