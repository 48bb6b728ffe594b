-- Coroutines of tasks that have ended: how many a service keeps for the next ones.
local skynet = require "skynet"
local T = require "harness"

-- Forks `count` tasks at once. → their coroutines
local function burst(count)
	local set, left, waiting = {}, count, coroutine.running()
	for _ = 1, count do
		skynet.fork(function()
			set[coroutine.running()] = true
			left = left - 1
			if left == 0 then skynet.wakeup(waiting) end
		end)
	end
	skynet.wait(waiting)
	return set
end

-- How many of `set` are not in `known`, which gets them.
local function unknown(set, known)
	local count = 0
	for co in pairs(set) do
		if not known[co] then count = count + 1 end
		known[co] = true
	end
	return count
end

T.test("a service that forks a thousand at a time, again and again, makes no new coroutines", function()
	local known = {}
	for _ = 1, 4 do unknown(burst(1000), known) end
	for _ = 1, 10 do T.eq(unknown(burst(1000), known), 0) end
end)

T.test("one that forks more at a time than it may keep makes the rest anew", function()
	local known = {}
	for _ = 1, 6 do unknown(burst(2000), known) end
	T.within(unknown(burst(2000), known), 2000 - 1024 - 1, 2000 - 256)
end)

T.test("coroutines that are needed no longer are let go, but for some", function()
	local known = setmetatable({}, { __mode = "k" })
	for _ = 1, 4 do unknown(burst(1000), known) end
	for _ = 1, 100 do
		for _ = 1, 10 do burst(100) end
	end
	collectgarbage()
	collectgarbage()
	local left = 0
	for _ in pairs(known) do left = left + 1 end
	T.within(left, 1, 260)
end)

T.run()
