-- skynet.coroutine beyond the conformance case: values that look like suspensions, closing, nesting.
local skynet = require "skynet"
local co = require "skynet.coroutine"
local T = require "harness"

local function values(...) return { n = select("#", ...), ... } end

T.test("the word SUSPEND is a value like any other", function()
	local c = co.create(function()
		local got = co.yield "SUSPEND"
		skynet.sleep(1)
		return "SUSPEND", got
	end)
	T.eq(values(co.resume(c)), { n = 2, true, "SUSPEND" })
	T.eq(values(co.resume(c, 5)), { n = 3, true, "SUSPEND", 5 })
	T.eq(co.status(c), "dead")
end)

T.test("a function that returns nothing gives nothing, one that returns nil gives one", function()
	T.eq(values(co.wrap(function() end)()), { n = 0 })
	T.eq(values(co.resume(co.create(function() end))), { n = 1, true })
	T.eq(values(co.wrap(function() return nil end)()), { n = 1 })
	T.eq(values(co.wrap(function() co.yield() end)()), { n = 0 })
	T.eq(values(co.wrap(function() skynet.sleep(1) end)()), { n = 0 })
end)

T.test("nils travel in both directions", function()
	local c = co.create(function(...)
		local back = values(co.yield(...))
		return back.n, nil, nil
	end)
	T.eq(values(co.resume(c, nil, 1, nil)), { n = 4, true, nil, 1 })
	T.eq(values(co.resume(c, nil, nil)), { n = 4, true, 2 })
end)

T.test("results of blocking functions reach the innermost coroutine", function()
	local me = coroutine.running()
	local f = co.wrap(function()
		local g = co.wrap(function()
			local token = {}
			skynet.fork(function() skynet.wakeup(token) end)
			co.yield(skynet.sleep(100, token))
			co.yield(co.thread() == me)
		end)
		co.yield(g(), g())
	end)
	T.eq(values(f()), { n = 2, "BREAK", true })
end)

T.test("an error behind a blocking call comes out of resume", function()
	local c = co.create(function()
		skynet.sleep(1)
		skynet.call(0xfffff0, "lua")
	end)
	local ok, err = co.resume(c)
	T.eq(ok, false)
	T.ok(err:find("call to invalid address", 1, true), err)
	T.eq(co.status(c), "dead")
end)

T.test("close ends a suspended coroutine, not one that waits in the framework", function()
	local c = co.create(function() co.yield() end)
	co.resume(c)
	T.eq(co.close(c), true)
	T.eq(co.status(c), "dead")
	T.eq(values(co.resume(c)), { n = 2, false, "cannot resume dead coroutine" })
	local d, refused = co.create(function() skynet.sleep(2) end), nil
	skynet.fork(function() refused = not pcall(co.close, d) end)
	co.resume(d)
	T.eq(refused, true)
end)

T.test("close tells the error that a coroutine has ended with, once", function()
	local fault = { "a fault" }
	for _, fail in ipairs {
		function() error(fault) end,
		function()
			co.yield()
			error(fault)
		end,
		function()
			skynet.sleep(1)
			error(fault)
		end,
	} do
		local c = co.create(fail)
		repeat local ok = co.resume(c) until not ok
		T.eq(values(co.resume(c)), { n = 2, false, "cannot resume dead coroutine" })
		T.eq(values(co.close(c)), { n = 2, false, fault })
		T.eq(values(co.close(c)), { n = 1, true })
		T.eq(co.status(c), "dead")
	end
	local c = co.create(function() error() end)
	co.resume(c)
	T.eq(values(co.close(c)), { n = 2, false })
	c = co.create(function() end)
	co.resume(c)
	T.eq(co.resume(c), false)
	T.eq(values(co.close(c)), { n = 1, true }, "it has ended without an error; that of the resume is not its own")
end)

T.test("a coroutine cannot resume itself or its resumer", function()
	local outer
	outer = co.create(function()
		local inner = co.create(function() return co.resume(outer) end)
		return co.status(outer), select(2, co.resume(inner))
	end)
	local ok, status, inner_ok = co.resume(outer)
	T.eq({ ok, status, inner_ok }, { true, "running", false })
end)

T.test("a resume that fails gives an error, not what it was to hand on", function()
	local dead = coroutine.create(function() end)
	coroutine.resume(dead)
	T.eq({ coroutine.resume(dead, 1, 2) }, { false, "cannot resume dead coroutine" })
	local ok, err, more = coroutine.resume(coroutine.running(), 1, 2)
	T.eq({ ok, more }, { false })
	T.ok(err:find("cannot resume", 1, true), err)
	local function deep(n) return coroutine.resume(coroutine.create(deep), n + 1) end
	local results = table.pack(deep(0))
	T.eq(results[results.n - 1], false)
	T.eq(results[results.n], "C stack overflow")
	T.eq(results[results.n - 2], true)
end)

T.test("who drives a coroutine changes with the resumer", function()
	local c = co.create(function() while true do co.yield(co.thread()) end end)
	local here = select(2, co.resume(c))
	local there, other
	skynet.fork(function() other, there = coroutine.running(), select(2, co.resume(c)) end)
	skynet.yield()
	T.ok(here == coroutine.running())
	T.ok(there == other)
end)

T.run()
