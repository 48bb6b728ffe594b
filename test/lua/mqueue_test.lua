-- mqueue: handlers that fail in unusual ways do not stop the queue.
local skynet = require "skynet"
local mqueue = require "skynet.mqueue"
local T = require "harness"

local role = ...
if role == "queue" then
	skynet.start(function()
		skynet.sleep(3) -- requests come before the handler is there
		mqueue.register(function(what)
			if what == "function" then return print end
			if what == "object" then error { code = 1 } end
			if what == "exit" then skynet.exit() end
			return what
		end)
		local ok, err = pcall(mqueue.register, print)
		skynet.dispatch("lua", function() skynet.retpack(ok, err) end)
	end)
	return
end
if role == "killed" then
	skynet.start(function()
		local worker
		mqueue.register(function(what)
			if what == "block" then
				worker = coroutine.running()
				skynet.wait()
			end
			return what == "echo" and 5 or nil
		end)
		skynet.dispatch("lua", function()
			skynet.retpack(worker ~= nil and skynet.killthread(worker) ~= nil)
		end)
	end)
	return
end

local q

T.test("messages that come before the handler wait for it", function()
	local launched
	skynet.fork(function()
		q = skynet.newservice("mqueue_test", "queue")
		launched = true
	end)
	T.eventually(function() return launched end)
	T.eq(mqueue.call(q, "early"), "early")
end)

T.test("results that cannot be packed are an error of the caller", function()
	T.raises("Unsupport type", mqueue.call, q, "function")
	T.eq(mqueue.call(q, "after"), "after")
end)

T.test("error objects become text", function()
	T.raises("table: ", mqueue.call, q, "object")
	mqueue.send(q, "object")
	T.eq(mqueue.call(q, "after"), "after")
end)

T.test("there is one handler", function()
	local ok, err = skynet.call(q, "lua")
	T.eq(ok, false)
	T.ok(err:find("there is a handler already", 1, true), err)
	T.raises(nil, mqueue.register, "no function")
end)

T.test("the messages go on when the task that handles them is killed, and its caller fails", function()
	local service = skynet.newservice("mqueue_test", "killed")
	local failed
	skynet.fork(function() failed = not pcall(mqueue.call, service, "block") end)
	skynet.yield()
	local got
	skynet.fork(function() got = mqueue.call(service, "echo", 5) end)
	T.eventually(function() return skynet.call(service, "lua", "kill") end)
	T.eventually(function() return failed and got == 5 end)
end)

T.test("callers fail when the service ends, also those that wait behind", function()
	local failed = 0
	for _, what in ipairs { "exit", "behind" } do
		skynet.fork(function()
			if not pcall(mqueue.call, q, what) then failed = failed + 1 end
		end)
	end
	T.eventually(function() return failed == 2 end)
end)

T.run()
