-- skynet.db.pool with connections that are plain tables.
local skynet = require "skynet"
local pool = require "skynet.db.pool"
local T = require "harness"

local opened, closed

local function new(conf)
	opened, closed = 0, 0
	conf = conf or {}
	conf.open = conf.open or function()
		opened = opened + 1
		return { number = opened }
	end
	conf.close = function() closed = closed + 1 end
	return pool.new(conf)
end

T.test("a connection that came back is used again", function()
	local p = new { size = 2 }
	local first = p:acquire()
	p:release(first)
	T.ok(p:acquire() == first)
	T.eq(opened, 1)
end)

T.test("no more than size are open, the next caller waits for one", function()
	local p = new { size = 1 }
	local first, second = p:acquire(), nil
	skynet.fork(function() second = p:acquire() end)
	T.eventually(function() return p:stats().waiting == 1 end)
	p:release(first)
	T.eventually(function() return second end)
	T.ok(second == first)
	T.eq(p:stats(), { open = 1, idle = 0, used = 1, waiting = 0 })
end)

T.test("the queue has a bound, and a wait a deadline", function()
	local p = new { size = 1, max_waiting = 1, name = "db" }
	local only = p:acquire()
	local err
	skynet.fork(function() err = select(2, pcall(p.acquire, p, 20)) end)
	T.eventually(function() return p:stats().waiting == 1 end)
	T.raises("db: 1 callers wait already", p.acquire, p)
	T.eventually(function() return err end)
	T.ok(err:find("db: no connection was free within", 1, true), err)
	p:release(only)
	T.eq(p:stats(), { open = 1, idle = 1, used = 0, waiting = 0 }, "who gave up gets nothing")
end)

T.test("a connection that fails its check is replaced", function()
	local p = new { size = 1, check = function(c) return c.number ~= 1 end }
	p:release(p:acquire())
	T.eq(p:acquire().number, 2)
	T.eq(closed, 1)
end)

T.test("who found a dead connection opens another one, before those who came later", function()
	local gate, checking = {}, false
	local p = new { size = 1, check = function()
		checking = true
		skynet.wait(gate)
		return false
	end }
	p:release(p:acquire())
	local first, second
	skynet.fork(function() first = p:acquire() end)
	T.eventually(function() return checking end)
	skynet.fork(function() second = p:acquire() end)
	T.eventually(function() return p:stats().waiting == 1 end)
	skynet.wakeup(gate)
	T.eventually(function() return first end)
	T.eq({ first.number, second }, { 2, nil })
	T.eq(p:stats(), { open = 1, idle = 0, used = 1, waiting = 1 })
	p:release(first)
	T.eventually(function() return second end)
	T.ok(second == first)
end)

T.test("of several dead connections each room is used again, by who waits as well", function()
	local checked = {}
	local p = new { size = 2, check = function(c)
		if c.number > 2 then return true end
		checked[#checked + 1] = c
		skynet.wait(c)
		return false
	end }
	local a, b = p:acquire(), p:acquire()
	p:release(a)
	p:release(b)
	local got = {}
	for i = 1, 2 do skynet.fork(function() got[i] = p:acquire() end) end
	skynet.fork(function() got[3] = p:acquire(2000) end)
	T.eventually(function() return p:stats().waiting == 1 end)
	T.eq(#checked, 2)
	for _, c in ipairs(checked) do skynet.wakeup(c) end
	T.eventually(function() return got[1] and got[2] end)
	T.eq({ got[3], closed, p:stats().open }, { nil, 2, 2 })
	p:release(got[1])
	T.eventually(function() return got[3] end)
	T.ok(got[3] == got[1])
end)

T.test("a pool that is closed while a connection is checked keeps nothing open", function()
	local gate, checking = {}, false
	local p = new { size = 1, check = function()
		checking = true
		skynet.wait(gate)
		return true
	end }
	p:release(p:acquire())
	local err
	skynet.fork(function() err = select(2, pcall(p.acquire, p)) end)
	T.eventually(function() return checking end)
	p:close()
	skynet.wakeup(gate)
	T.eventually(function() return err end)
	T.eq({ err, closed, p:stats().open }, { "pool: closed", 1, 0 })
end)

T.test("when f raises, its connection is closed and the error raised", function()
	local p = new { size = 1 }
	T.raises("boom", p.use, p, function() error "boom" end)
	T.eq(closed, 1)
	T.eq({ p:use(function(c, a) return c.number, a, nil, 4 end, "a") }, { 2, "a", nil, 4 })
end)

T.test("a failed open takes no place, and a waiter tries next", function()
	local tries, gate = 0, {}
	local p = new { size = 1, open = function()
		tries = tries + 1
		if tries > 1 then return {} end
		skynet.wait(gate)
		error("refused", 0)
	end }
	local err, got
	skynet.fork(function() err = select(2, pcall(p.acquire, p)) end)
	skynet.fork(function() got = p:acquire() end)
	T.eventually(function() return p:stats().waiting == 1 end)
	skynet.wakeup(gate)
	T.eventually(function() return err and got end)
	T.eq(err, "refused")
	T.eq(p:stats().open, 1)
end)

-- Kills a task that calls f once `ready` says so.
local function killed_in(f, ready)
	local victim = skynet.fork(f)
	T.eventually(ready)
	T.ok(skynet.killthread(victim))
end

T.test("what a killed task had of a pool goes to the others", function()
	local NOTHING_OPEN = { open = 0, idle = 0, used = 0, waiting = 0 }
	local stalls, stalled = "use", 0
	local function stall(where)
		if stalls ~= where then return end
		stalled = stalled + 1
		skynet.wait {}
	end
	local p
	local number = 0
	p = new {
		size = 1,
		timeout = 500,
		open = function()
			stall "open"
			number = number + 1
			return { number = number }
		end,
		check = function()
			stall "check"
			return true
		end,
	}
	for _, where in ipairs { "use", "open", "check" } do
		stalls = where
		if where == "check" then p:release(p:acquire()) end
		killed_in(function() p:use(function() stall "use" end) end, function() return stalled == 1 end)
		stalls, stalled = nil, 0
		T.eq(p:stats(), NOTHING_OPEN, where)
		T.eq(p:use(function(c) return c.number end), number, where)
		local entry = p:acquire()
		p:release(entry, true)
	end
	T.eventually(function() return closed == 5 end)
end)

T.test("a task that is killed in the queue, or as it is its turn, is passed over", function()
	local p = new { size = 1 }
	local only = p:acquire()
	killed_in(function() p:acquire() end, function() return p:stats().waiting == 1 end)
	T.eq(p:stats().waiting, 0)
	local second = skynet.fork(function() p:acquire() end)
	local got
	skynet.fork(function() got = p:acquire() end)
	T.eventually(function() return p:stats().waiting == 2 end)
	p:release(only) -- it is the second one's, which has not run yet
	skynet.killthread(second)
	T.eventually(function() return got end)
	T.eq(got.number, 2)
	T.eq(p:stats(), { open = 1, idle = 0, used = 1, waiting = 0 })
end)

T.test("a task that has given its connection back is killed without harm", function()
	local p = new { size = 1 }
	local gone
	killed_in(function()
		p:use(function(c)
			p:release(c)
			gone = true
			skynet.wait {}
		end)
	end, function() return gone end)
	T.eq(p:stats(), { open = 1, idle = 1, used = 0, waiting = 0 })
	T.eq(closed, 0)
end)

T.test("what is given back twice is refused", function()
	local p = new()
	local c = p:acquire()
	p:release(c)
	T.raises("is not out", p.release, p, c)
end)

T.test("close ends waiters, and what comes back later is closed", function()
	local p = new { size = 1 }
	local c, err = p:acquire(), nil
	skynet.fork(function() err = select(2, pcall(p.acquire, p)) end)
	T.eventually(function() return p:stats().waiting == 1 end)
	p:close()
	T.eventually(function() return err end)
	T.eq(err, "pool: closed")
	p:release(c)
	T.eq(closed, 1)
	T.eq(p:stats(), { open = 0, idle = 0, used = 0, waiting = 0 })
	T.raises("pool: closed", p.acquire, p)
end)

T.run()
