-- Payloads change hands: however a message is sent, and whatever becomes of it, neither sender nor receiver is left
-- with its bytes on the account.
local skynet = require "skynet"
require "skynet.manager"
local memory = require "skynet.memory"
local socket = require "skynet.socket"
local net = require "net"
local T = require "harness"

local TEXT = ("x"):rep(1000)
local ROUNDS = 2000
local MOST = ROUNDS * #TEXT / 4

local role = ...
if role == "service" then
	skynet.start(function()
		local command = {}
		function command.nothing() skynet.ignoreret() end
		function command.retpack(text) skynet.retpack(text) end
		function command.ret(text) skynet.ret(skynet.pack(text)) end
		function command.between(text)
			local message, size = skynet.pack(text)
			skynet.trash(skynet.pack(text, text, text))
			skynet.ret(message, size)
		end
		function command.text(text) skynet.ret(text) end
		function command.response(text) skynet.response()(true, text) end
		function command.account()
			collectgarbage()
			skynet.retpack(memory.current())
		end
		function command.exit()
			skynet.ret()
			skynet.exit()
		end
		skynet.dispatch("lua", function(_, _, name, ...) command[name](...) end)
		skynet.register ".memory_account"
	end)
	return
end

local service

local function accounts()
	collectgarbage()
	return memory.current(), skynet.call(service, "lua", "account")
end

-- f() many times over leaves the accounts of both as they were, but for what is kept for the next time.
local function stays(name, f)
	for _ = 1, 100 do f() end
	local own, others = accounts()
	for i = 1, ROUNDS do
		f()
		if i % 100 == 0 then skynet.call(service, "lua", "account") end
	end
	local own_after, others_after = accounts()
	T.ok(math.abs(own_after - own) < MOST, name .. ": the sender's went from " .. own .. " to " .. own_after)
	T.ok(math.abs(others_after - others) < MOST, name .. ": the receiver's went from " .. others .. " to " .. others_after)
end

T.test("messages that arrive", function()
	service = skynet.newservice("memory_account_test", "service")
	stays("send", function() skynet.send(service, "lua", "nothing", TEXT) end)
	stays("send to a name", function() skynet.send(".memory_account", "lua", "nothing", TEXT) end)
	stays("send of what is larger than the buffer", function() skynet.send(service, "lua", "nothing", TEXT:rep(3), { TEXT }) end)
	stays("rawsend of a text", function() skynet.rawsend(service, "lua", skynet.packstring("nothing", TEXT)) end)
	stays("rawsend", function() skynet.rawsend(service, "lua", skynet.pack("nothing", TEXT)) end)
	stays("redirect", function() skynet.redirect(service, skynet.self(), "lua", 0, skynet.pack("nothing", TEXT)) end)
end)

T.test("answers of all kinds", function()
	for _, kind in ipairs { "retpack", "ret", "between", "response" } do
		stays(kind, function() T.eq(skynet.call(service, "lua", kind, TEXT), TEXT) end)
	end
	stays("a text", function() T.eq(skynet.call(service, "lua", "text", skynet.packstring(TEXT)), TEXT) end)
	stays("a number", function() T.eq(skynet.call(service, "lua", "ret", 1), 1) end)
	stays("rawcall", function() skynet.rawcall(service, "lua", skynet.pack("retpack", TEXT)) end)
end)

T.test("answers that nobody has asked for", function()
	for _, kind in ipairs { "retpack", "ret", "text" } do
		stays(kind, function() skynet.send(service, "lua", kind, TEXT) end)
	end
end)

T.test("messages that nobody gets", function()
	local dead = skynet.newservice("memory_account_test", "service")
	skynet.call(dead, "lua", "exit")
	skynet.sleep(1)
	stays("send", function() skynet.send(dead, "lua", "nothing", TEXT) end)
	stays("rawsend", function() skynet.rawsend(dead, "lua", skynet.pack("nothing", TEXT)) end)
	stays("send to a name", function() skynet.send(".memory_account_of_nobody", "lua", "nothing", TEXT) end)
	stays("call", function() pcall(skynet.call, dead, "lua", "retpack", TEXT) end)
end)

T.test("what goes over a connection, whoever reads it, and what its writer is not rid of", function()
	local a, b = net.pair()
	local large = TEXT:rep(20)
	stays("a read that waits", function()
		local wait = net.async(socket.read, b)
		skynet.yield()
		socket.write(a, TEXT)
		T.eq(wait(), TEXT)
	end)
	stays("a read of what is there", function()
		socket.write(a, large)
		while socket.held(b) < #large do skynet.sleep(0) end
		T.eq(socket.read(b, #large), large)
	end)
	stays("a line", function()
		socket.write(a, TEXT .. "\n")
		T.eq(socket.readline(b), TEXT)
	end)
	for _, id in ipairs { a, b } do socket.close(id) end
end)

T.test("datagrams", function()
	local got, me = 0, {}
	local address = net.host .. ":" .. skynet.getenv "port"
	local receiver = socket.udp_listen(address, nil, function()
		got = got + 1
		skynet.wakeup(me)
	end)
	local sender = socket.udp_dial(address, nil, function() end)
	-- What is told is never below 0: a fall must have something to begin at.
	local held, held_size = skynet.pack(TEXT:rep(2 * ROUNDS))
	stays("a datagram", function()
		local before = got
		socket.write(sender, TEXT)
		while got == before do skynet.wait(me) end
	end)
	skynet.trash(held, held_size)
	for _, id in ipairs { sender, receiver } do socket.close(id) end
end)

T.test("connections, whose I/O thread frees what it is asked with", function()
	stays("a pair that is closed", function()
		local a, b = net.pair()
		socket.close(a)
		socket.close(b)
	end)
	local listener, _, port = socket.listen(net.host, 0)
	socket.close(listener)
	stays("one that is refused", function()
		T.eq(socket.open(net.host, port), nil)
		for _ = 1, 4 do socket.open(net.host, port) end
	end)
end)

T.test("messages that are packed, and kept or thrown away", function()
	stays("trash", function() skynet.trash(skynet.pack(TEXT)) end)
	local kept, before = {}, memory.current()
	for i = 1, ROUNDS do kept[i] = { skynet.pack(TEXT) } end
	local grown = memory.current() - before
	T.ok(grown >= ROUNDS * #TEXT, "what is kept is on the account: " .. grown)
	for i = 1, ROUNDS do skynet.trash(kept[i][1], kept[i][2]) end
	T.ok(math.abs(memory.current() - before) < MOST, "and no longer")
	skynet.call(service, "lua", "exit")
end)

T.run()
