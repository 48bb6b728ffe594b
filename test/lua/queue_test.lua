-- skynet.queue when its coroutines are killed or woken by others.
local skynet = require "skynet"
local queue = require "skynet.queue"
local T = require "harness"

T.test("a waiter that is killed is passed over", function()
	local q, log = queue(), {}
	skynet.fork(q, function() skynet.sleep(3) end)
	local victim = skynet.fork(q, function() log[#log + 1] = "victim" end)
	skynet.fork(q, function() log[#log + 1] = "third" end)
	skynet.yield()
	skynet.killthread(victim)
	T.eventually(function() return #log > 0 end)
	T.eq(log, { "third" })
end)

T.test("when the one inside is killed, the next who comes lets all go on in order", function()
	local q, log = queue(), {}
	local holder = skynet.fork(q, function() skynet.wait() end)
	skynet.fork(q, function() log[#log + 1] = "second" end)
	skynet.yield()
	skynet.killthread(holder)
	q(function() log[#log + 1] = "third" end)
	T.eq(log, { "second", "third" })
end)

T.test("a wakeup from elsewhere lets nobody in early", function()
	local q, inside, both = queue(), 0, false
	local function section()
		inside = inside + 1
		both = both or inside > 1
		skynet.sleep(3)
		inside = inside - 1
	end
	skynet.fork(q, section)
	local second = skynet.fork(q, section)
	skynet.yield()
	T.eq(skynet.wakeup(second), true)
	skynet.sleep(1)
	T.eq(inside, 1)
	q(section)
	T.eq(both, false)
end)

T.test("a text error carries the traceback of the section, an object comes as it is", function()
	local q, object = queue(), {}
	local function deep() error "expected" end
	local err = T.raises("expected", q, deep)
	T.ok(err:find("stack traceback:", 1, true))
	local _, same = pcall(q, error, object)
	T.ok(same == object)
end)

T.test("an entry that raises, in a C callback, leaves the queue and its coroutine alone", function()
	local q, entered, woken, event = queue(), 0, 0, false
	local holder_may_leave = {}
	skynet.fork(q, function() skynet.wait(holder_may_leave) end)
	skynet.yield()
	local failed
	local waiter = skynet.fork(function()
		failed = not pcall(string.gsub, "x", "x", function() q(function() end) end)
		while not event do
			skynet.wait()
			woken = woken + 1
		end
	end)
	skynet.yield()
	T.eq(failed, true)
	skynet.wakeup(holder_may_leave)
	for _ = 1, 3 do skynet.fork(q, function() entered = entered + 1 end) end
	T.eventually(function() return entered == 3 end)
	T.eq(woken, 0)
	event = true
	skynet.wakeup(waiter)
end)

T.test("those who wait go on when the one inside is killed, without anybody else coming", function()
	local q, log = queue(), {}
	local holder = skynet.fork(q, function() skynet.wait() end)
	skynet.fork(q, function() log[#log + 1] = "second" end)
	skynet.fork(q, function() log[#log + 1] = "third" end)
	skynet.yield()
	skynet.killthread(holder)
	T.eventually(function() return #log == 2 end)
	T.eq(log, { "second", "third" })
end)

T.test("so they do when it is killed just after it was let in, or inside of a coroutine of skynet.coroutine", function()
	local skynet_coroutine = require "skynet.coroutine"
	local q, log, go = queue(), {}, {}
	skynet.fork(q, function() skynet.wait(go) end)
	local second = skynet.fork(q, function() log[#log + 1] = "second" end)
	local third = skynet.fork(function() skynet_coroutine.wrap(function() q(skynet.wait) end)() end)
	skynet.fork(q, function() log[#log + 1] = "fourth" end)
	skynet.yield()
	skynet.fork(function() skynet.killthread(second) end)
	skynet.wakeup(go)
	T.eventually(function() return skynet.task(third) end)
	skynet.sleep(2)
	skynet.killthread(third)
	T.eventually(function() return log[1] == "fourth" or log[2] == "fourth" end)
end)

T.run()
