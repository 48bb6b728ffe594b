-- Coroutines of tasks that have ended: how many a service keeps for the next ones.
local skynet = require "skynet"
local T = require "harness"

local unpack = table.unpack or unpack

-- Forks `count` tasks at once. → their coroutines
local function burst(count)
	local set, left, waiting = {}, count, coroutine.running()
	for _ = 1, count do
		local co = skynet.fork(function()
			left = left - 1
			if left == 0 then skynet.wakeup(waiting) end
		end)
		set[co] = true
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

T.test("forks run in order, with their arguments, whether or not their coroutine is kept", function()
	local log, kept, ones = {}, {}, {}
	local function note(...) log[#log + 1] = table.concat({ select("#", ...), ... }, " ") end
	local want = {}
	for i = 1, 40 do
		local arguments = {}
		for k = 1, i % 12 do arguments[k] = i * k end
		want[i] = table.concat({ #arguments, unpack(arguments) }, " ")
		if i % 3 == 0 then
			kept[i] = skynet.fork(note, unpack(arguments))
		else
			skynet.fork(note, unpack(arguments))
		end
	end
	skynet.fork(function(_, nothing, last) ones = { nothing, last } end, nil, nil, 7)
	T.eventually(function() return ones[2] end)
	T.eq(log, want)
	T.eq(ones, { nil, 7 })
end)

T.test("a chain of forks, each of which makes the next ones, ends in order", function()
	local log, waiting = {}, coroutine.running()
	local function link(i)
		log[#log + 1] = i
		if i < 3000 then skynet.fork(link, i + 2) end
		if #log == 3001 then skynet.wakeup(waiting) end
	end
	skynet.fork(link, 0)
	skynet.fork(link, 1)
	skynet.wait(waiting)
	for i = 0, 3000 do T.eq(log[i + 1], i) end
end)

T.test("forks that block have coroutines of their own", function()
	local running, left, waiting = {}, 600, coroutine.running()
	for i = 1, 600 do
		skynet.fork(function(number)
			running[number] = coroutine.running()
			skynet.sleep(1)
			T.eq(running[number], coroutine.running())
			left = left - 1
			if left == 0 then skynet.wakeup(waiting) end
		end, i)
	end
	skynet.wait(waiting)
	local seen = {}
	for i = 1, 600 do
		T.eq(seen[running[i]], nil)
		seen[running[i]] = true
	end
end)

T.test("many forks at once, more than a coroutine's stack holds, all run", function()
	local ran, count, waiting = 0, 20000, coroutine.running()
	for _ = 1, count do
		skynet.fork(function()
			ran = ran + 1
			if ran == count then skynet.wakeup(waiting) end
		end)
	end
	skynet.wait(waiting)
	T.eq(ran, count)
end)

T.test("a fork that raises does not stop the others", function()
	local ran = 0
	for i = 1, 3 do
		skynet.fork(function()
			ran = ran + 1
			if i == 2 then error "a fork that raises: this belongs to the test" end
		end)
	end
	T.eventually(function() return ran == 3 end)
	local function fork(f)
		skynet.fork(f)
	end
	T.raises("function expected", fork, "text")
	T.raises("function expected", fork, nil)
end)

T.test("a task is found by its coroutine, among few and among many", function()
	for _, count in ipairs { 1, 7, 8, 9, 40, 2 } do
		local waiting, woken = {}, 0
		for i = 1, count do
			waiting[i] = skynet.fork(function()
				skynet.wait()
				woken = woken + 1
			end)
		end
		skynet.yield()
		for i = count, 1, -1 do
			skynet.wakeup(waiting[i])
			skynet.yield()
			T.eq(woken, count - i + 1)
		end
	end
end)

T.test("an object with __call can be forked, and be what a timer runs", function()
	local seen = {}
	local object = setmetatable({}, { __call = function(self, ...) seen[#seen + 1] = { self, ... } end })
	skynet.fork(object)
	skynet.fork(object, 1, nil, 3)
	skynet.yield()
	T.eq(#seen, 2)
	T.ok(rawequal(seen[1][1], object) and rawequal(seen[2][1], object))
	T.eq({ seen[2][2], seen[2][3], seen[2][4] }, { 1, nil, 3 })
	T.eq(type(skynet.timeout(0, object)), "thread")
	skynet.timeout(0, object)
	skynet.sleep(1)
	T.eq(#seen, 4)
	T.ok(rawequal(seen[4][1], object))
	local uncallable = setmetatable({}, { __call = 5 })
	T.raises("bad argument #1 to 'skynet.fork' (function expected, got table)", skynet.fork, uncallable)
	T.raises("bad argument #2 to 'skynet.timeout' (function expected, got table)", skynet.timeout, 0, uncallable)
end)

T.run()
