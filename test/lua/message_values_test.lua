-- What messages carry, as values between two services: each arrives as it was sent, however often it came before.
local skynet = require "skynet"
local sub = require "skynet.coroutine"
local T = require "harness"

local role = ...
if role == "service" then
	skynet.start(function()
		local command = {}
		function command.echo(...) skynet.retpack(...) end
		function command.count(...) skynet.retpack(select("#", ...)) end
		-- Answers with what was packed first.
		function command.between(text)
			local message, size = skynet.pack(text)
			skynet.trash(skynet.pack "another")
			local other, other_size = skynet.pack(text, text)
			skynet.ret(message, size)
			skynet.trash(other, other_size)
		end
		function command.bytes(text) skynet.ret(text) end
		-- What is left of a command's name when nobody refers to it any longer.
		function command.collect()
			collectgarbage()
			collectgarbage()
			skynet.ret()
		end
		function command.exit()
			skynet.ret()
			skynet.exit()
		end
		skynet.dispatch("lua", function(_, _, name, ...)
			local f = command[name]
			if f then f(...) else skynet.retpack("no command", name, #name) end
		end)
	end)
	return
end

local service

local function echo(...) return skynet.call(service, "lua", "echo", ...) end

local function list(...) return { n = select("#", ...), ... } end

local function same(...)
	local sent, got = list(...), list(echo(...))
	T.eq(got.n, sent.n)
	for i = 1, sent.n do T.eq(got[i], sent[i]) end
end

T.test("values of all kinds arrive, with nothing between them", function()
	service = skynet.newservice("message_values_test", "service")
	same()
	same(nil)
	same(nil, nil)
	same(nil, 1, nil, "x", nil)
	same(true, false, 0, -1, 255, 256, 65535, 65536, 2147483647, -2147483648, 4294967296, 2 ^ 53)
	same(0.5, -0.5, 1e300, -1e300, 1 / 0, -1 / 0)
	same("", "a", ("x"):rep(31), ("x"):rep(32), ("x"):rep(65536), "\0", "a\0b")
	local message, size = skynet.pack(1)
	same(message, "between", message)
	skynet.trash(message, size)
end)

T.test("more values than a coroutine has room for at first", function()
	for _, count in ipairs { 5, 7, 8, 9, 20, 60, 250 } do
		local values = {}
		for i = 1, count do values[i] = i % 3 == 0 and "text" .. i or i end
		T.eq(skynet.call(service, "lua", "count", (table.unpack or unpack)(values)), count)
		same((table.unpack or unpack)(values))
	end
end)

T.test("tables beside values that are none, with a metatable and without", function()
	local plain, own = { 1, 2, x = { y = "z" } }, setmetatable({ a = 1 }, { __pairs = function()
		return next, { b = 2 }, nil
	end })
	local first, second, third, fourth = echo(plain, nil, own, "last")
	T.eq(first.x.y, "z")
	T.eq(#first, 2)
	T.eq(second, nil)
	T.eq(third.a, nil)
	T.eq(third.b, 2)
	T.eq(fourth, "last")
end)

T.test("what cannot travel raises, and the next message is whole", function()
	for _ = 1, 3 do
		T.raises("Unsupport type function to serialize", echo, "before", { 1 }, print, "after")
		T.raises("Unsupport type thread to serialize", echo, coroutine.create(print))
		same("before", 1, "after")
	end
end)

T.test("names of commands stay what they are, collected or not", function()
	for round = 1, 40 do
		for i = 1, 12 do
			local name = ("name-%d-end"):format(i) -- the same ends: what lies between tells them apart
			local text, got, length = skynet.call(service, "lua", name)
			T.eq(text, "no command")
			T.eq(got, name)
			T.eq(length, #name)
		end
		if round % 10 == 0 then skynet.call(service, "lua", "collect") end
	end
end)

T.test("a service that has had many requests takes values of all kinds as one that has had none", function()
	for i = 1, 100 do T.eq(echo(i), i) end
	same()
	same(nil)
	same(nil, "echo", nil)
	same(true, false, 0, 0.5, "echo")
	same(2147483647, -2147483648, 65536, -1, 255)
	same(2 ^ 53, -2 ^ 53, 1e300, 1 / 0, "seldom" .. 7)
	same({}, 1, "echo")
	same(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	T.eq(skynet.call(service, "lua", "count", nil, nil, nil, nil, nil, nil), 6)
	T.eq(select("#", skynet.call(service, "lua", "nothing of that name")), 3)
end)

T.test("a reply comes to the coroutine that waits, however deep it does", function()
	local function wrapped(depth, ...)
		if depth == 0 then return echo(...) end
		return sub.wrap(wrapped)(depth - 1, ...)
	end
	for depth = 0, 3 do
		local got = list(wrapped(depth, 1, nil, "echo"))
		T.eq(got.n, 3)
		T.eq(got[1], 1)
		T.eq(got[3], "echo")
		T.eq(select("#", wrapped(depth)), 0)
		T.eq(list(wrapped(depth, 1, 2, 3, 4, 5, 6)).n, 6)
		T.eq(select(7, wrapped(depth, 1, 2, 3, 4, 5, 6, "seldom" .. depth)), "seldom" .. depth)
	end
	-- An argument list that leaves little room on the stack.
	local many = {}
	for i = 1, 200 do many[i] = i end
	T.eq(select(200 + 1, (table.unpack or unpack)(many, 1, 200)), nil)
	T.eq(list(1, 2, (table.unpack or unpack)({ echo((table.unpack or unpack)(many)) })).n, 202)
end)

T.test("many calls at once get a reply each, their own", function()
	local left, waiting = 50, coroutine.running()
	for i = 1, left do
		skynet.fork(function()
			for k = 1, 20 do T.eq(echo(i * k), i * k) end
			left = left - 1
			if left == 0 then skynet.wakeup(waiting) end
		end)
	end
	skynet.wait(waiting)
	T.eq(left, 0)
end)

T.test("an answer that was packed before something else", function()
	T.eq(skynet.call(service, "lua", "between", "first"), "first")
	T.eq(skynet.call(service, "lua", "between", ("x"):rep(5000)), ("x"):rep(5000))
	T.eq(select("#", skynet.call(service, "lua", "bytes", skynet.packstring(1, 2))), 2)
end)

T.test("strings that vary arrive as they are", function()
	local random = T.random(11)
	for _ = 1, 2000 do
		local text = {}
		for i = 1, random(33) - 1 do text[i] = string.char(96 + random(3)) end
		text = table.concat(text)
		T.eq(echo(text), text)
	end
end)

T.test("an address is a whole number, or a text that is one", function()
	T.eq(skynet.call(service * 1.0, "lua", "echo", 1), 1)
	T.eq(skynet.call(tostring(service), "lua", "echo", 2), 2)
	T.eq(skynet.call((":%08x"):format(service), "lua", "echo", 3), 3)
	T.raises("Invalid service address 0", skynet.send, 0, "lua", "echo")
	T.raises("Invalid service address 0", skynet.send, 0.5, "lua", "echo")
	T.raises("dest address type (nil)", skynet.send, nil, "lua", "echo")
	T.raises("dest address type (boolean)", skynet.send, true, "lua", "echo")
	T.raises("dest address type", skynet.send)
	T.raises("unknown protocol", skynet.send, service, "no such protocol", 1)
	T.raises("unknown protocol", skynet.send, service)
end)

T.test("the service is still there, and ends", function()
	skynet.call(service, "lua", "exit")
	T.eventually(function() return not pcall(skynet.call, service, "lua", "echo") end)
	T.raises("call to invalid address", skynet.call, service, "lua", "echo")
end)

T.run()
