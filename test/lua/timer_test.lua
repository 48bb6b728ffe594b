-- Timers whose coroutine nobody asks for, and task lists with them.
local skynet = require "skynet"
local T = require "harness"

local LATER = 360000

local function memory()
	collectgarbage()
	collectgarbage()
	return collectgarbage "count" * 1024
end

local function nothing() end

-- Bytes of memory that `set` takes each time that it sets a timer.
local function bytes_of(count, set)
	local before = memory()
	for _ = 1, count do set() end
	return (memory() - before) / count
end

T.test("a pending timer takes a few bytes of the state, unless its coroutine is asked for", function()
	T.within(bytes_of(4096, function() skynet.timeout(LATER, nothing) end), 0, 100)
	local kept = {}
	T.within(bytes_of(1000, function() kept[#kept + 1] = skynet.timeout(LATER, nothing) end), 300, 3000)
	for _, co in ipairs(kept) do T.eq(skynet.killthread(co), co) end
end)

T.test("it is in task lists, always as the same coroutine", function()
	local before, known = skynet.task(), {}
	skynet.task(known)
	skynet.timeout(LATER, nothing)
	T.eq(skynet.task(), before + 1)
	local lists = { {}, {} }
	for _, list in ipairs(lists) do
		skynet.task(list)
		for key in pairs(known) do list[key] = nil end
	end
	T.eq(lists[1], lists[2])
	local text, session = next(lists[1]):match "^(thread: %S+) session: (%d+)$"
	T.ok(skynet.task(tonumber(session)):find("stack traceback:", 1, true))
	local co = skynet.killthread(text)
	T.eq(tostring(co), text)
	T.eq(skynet.task(), before)
	T.eq(skynet.task(tonumber(session)), "BREAK")
end)

T.test("one that is in a list runs in the coroutine that was listed", function()
	local ran
	skynet.timeout(20, function() ran = tostring(coroutine.running()) end)
	local tasks, session = {}, skynet.genid() - 1
	skynet.task(tasks)
	T.eventually(function() return ran end)
	T.ok(tasks[("%s session: %d"):format(ran, session)], ran)
end)

T.test("one that is killed by the text of its coroutine does not run", function()
	local ran = false
	skynet.timeout(10, function() ran = true end)
	local session = skynet.genid() - 1
	local tasks = {}
	skynet.task(tasks)
	for text in pairs(tasks) do
		if text:find(("session: %d$"):format(session)) then T.ok(skynet.killthread(text:match "^thread: %S+")) end
	end
	skynet.sleep(20)
	T.eq(ran, false)
end)

local function passed_on(...)
	return skynet.timeout(...)
end

T.test("whoever uses what timeout gives gets a coroutine", function()
	local kinds = {
		function(f) return skynet.timeout(0, f) end,
		function(f) return (skynet.timeout(0, f)) end,
		function(f) return passed_on(0, f) end,
		function(f) return ({ skynet.timeout(0, f) })[1] end,
		function(f) return select(2, pcall(skynet.timeout, 0, f)) end,
		function(f) return coroutine.wrap(skynet.timeout)(0, f) end,
		function(f)
			local co = skynet.timeout(0, f)
			return co
		end,
		function(f)
			local co = skynet.timeout(0, f) or error "nothing"
			return co
		end,
	}
	local ran, count = 0, 100
	local function run() ran = ran + 1 end
	for number, kind in ipairs(kinds) do
		for _ = 1, count do T.eq(type(kind(run)), "thread", number) end
	end
	T.eventually(function() return ran == #kinds * count end)
end)

T.test("timers in a loop, which may be compiled, all run, in order", function()
	local log = {}
	for i = 1, 1000 do
		skynet.timeout(2, function() log[#log + 1] = i end)
	end
	T.eventually(function() return #log == 1000 end)
	for i = 1, 1000 do T.eq(log[i], i) end
end)

T.test("a function that raises, blocks or sets timers", function()
	local done, woken = 0, false
	skynet.timeout(1, function() error "a timer that raises: this belongs to the test" end)
	skynet.timeout(1, function()
		skynet.sleep(1)
		for _ = 1, 300 do skynet.timeout(1, function() done = done + 1 end) end
	end)
	skynet.timeout(1, function()
		skynet.wait "a token"
		woken = true
	end)
	T.eventually(function() return done == 300 end)
	skynet.wakeup "a token"
	T.eventually(function() return woken end)
end)

T.test("timeout refuses what is no function", function()
	local function set(f)
		skynet.timeout(1, f)
	end
	for _, value in ipairs { 1, "text", {} } do T.raises("function expected", set, value) end
	T.raises("function expected", set, nil)
end)

T.run()
