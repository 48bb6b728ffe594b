-- A service that runs out of its memlimit: the caller gets an error, and the next message is handled.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local net = require "net"
local T = require "harness"

local WAYS = { "tables", "strings", "closures", "one large string", "a fork", "a timer", "a coroutine",
	"a coroutine of skynet.coroutine", "many coroutines", "deep recursion", "JSON", "packing",
	"an error while it is full", "a reply that does not fit",
	"a sleep in between" }
local LIMIT = 4000000

local function works(service)
	local ok, value = pcall(skynet.call, service, "lua", "echo", "still here")
	return ok and value == "still here"
end

-- Where exactly memory runs out depends on the limit.
local function limits()
	local i = 0
	return function()
		i = i + 1
		if i <= 6 then return LIMIT + i * 12345 end
	end
end

for _, way in ipairs(WAYS) do
	T.test("a service works after memory has run out in: " .. way, function()
		local giver = skynet.newservice "memory_giver"
		for limit in limits() do
			local service = skynet.newservice("hungry", limit)
			local ok = pcall(skynet.call, service, "lua", "run", way, giver)
			if way ~= "a fork" and way ~= "a timer" and way ~= "packing" and way ~= "JSON" and way ~= "deep recursion" then
				T.eq(ok, false, "the call at a limit of " .. limit)
			end
			T.eventually(function() return works(service) end, 300, "an answer at a limit of " .. limit)
			for _ = 1, 3 do T.eq(works(service), true, "works") end
			T.within(skynet.call(service, "lua", "used"), 0, 1500, "KB after it")
			T.within(skynet.call(service, "debug", "MEM"), 0, 1500, "KB as debug MEM tells")
			skynet.kill(service)
		end
		skynet.kill(giver)
	end)
end

T.test("a reply of a redis that does not fit fails those who wait, and the next request works", function()
	local elements = {}
	for i = 1, 100000 do elements[i] = ("$20\r\nelement %012d\r\n"):format(i) end
	local large = "*100000\r\n" .. table.concat(elements)
	local listener, port = net.serve(function(id)
		for line in function() return socket.readline(id, "\r\n") or nil end do
			if line == "large" then
				socket.write(id, large)
			elseif line == "small" then
				socket.write(id, "$2\r\nok\r\n")
			end
		end
	end)
	for limit in limits() do
		local service = skynet.newservice("hungry_redis", limit, port)
		local result = net.many(3, function(i) return skynet.call(service, "lua", i < 3 and "large" or "small") end)
		T.eventually(function() return result.ended == 3 end, 500, "an end at a limit of " .. limit)
		T.eq(result.failed, 3)
		T.eq(skynet.call(service, "lua", "small"), "ok")
		skynet.kill(service)
	end
	socket.close(listener)
end)

T.test("a service that catches the error goes on, on Lua 5.4 in the same message", function()
	for limit in limits() do
		local service = skynet.newservice("hungry", limit)
		for _ = 1, 3 do
			local answered, ok, named, length = pcall(skynet.call, service, "lua", "caught")
			if answered or not jit then T.eq({ ok, named, length }, { false, true, 11 }) end
			T.eq(works(service), true, "works")
		end
		skynet.kill(service)
	end
end)

T.test("a start function that runs out of memory is a service that failed to start", function()
	T.raises("call failed", skynet.newservice, "hungry_start")
end)

T.test("calls that wait while memory runs out get their answers", function()
	local service = skynet.newservice("hungry", LIMIT)
	local got = 0
	for i = 1, 20 do
		skynet.fork(function()
			local ok, value = pcall(skynet.call, service, "lua", i % 2 == 0 and "run" or "echo", i % 2 == 0 and "tables" or i)
			if ok == (i % 2 == 1) and (not ok or value == i) then got = got + 1 end
		end)
	end
	T.eventually(function() return got == 20 end, 1000)
	skynet.kill(service)
end)

T.test("timers whose time comes while there is no memory run later", function()
	local service = skynet.newservice("hungry", LIMIT)
	local while_full, begun = skynet.call(service, "lua", "timers", 300)
	T.within(while_full, 0, 299)
	T.eq(begun, 300)
	skynet.kill(service)
end)

T.run()
