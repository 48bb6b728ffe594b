-- Requests that are open when their service ends, and response closures above all.
local skynet = require "skynet"
require "skynet.manager"
local core = require "skynet.core"
local T = require "harness"

-- Starts a call that the holder keeps unanswered; the result comes into the table.
local function call_held(holder)
	local result = {}
	skynet.fork(function()
		result.ok, result.err = pcall(skynet.call, holder, "lua", "hold")
		result.done = true
	end)
	T.eventually(function() return skynet.call(holder, "lua", "held") > 0 end)
	return result
end

local function fails(result)
	T.eventually(function() return result.done end)
	T.eq(result.ok, false)
	T.ok(tostring(result.err):find("call failed", 1, true), result.err)
end

T.test("a call by a protocol that unpacks with Lua code fails as any other", function()
	skynet.register_protocol {
		name = "plain",
		id = 70,
		pack = function(...) return ... end,
		unpack = skynet.tostring,
	}
	T.raises("call failed", skynet.call, ".launcher", "plain", "it has no such protocol")
	T.raises("call failed", skynet.call, skynet.localname ".launcher", "plain", "x")
	T.raises("call to invalid address", skynet.call, 0xfffff0, "plain", "x")
end)

T.test("a service that is killed fails the calls it holds", function()
	local holder = skynet.newservice "holder"
	local first, second = call_held(holder), call_held(holder)
	skynet.kill(holder)
	fails(first)
	fails(second)
end)

T.test("a service that exits fails the calls it holds", function()
	local holder = skynet.newservice "holder"
	local result = call_held(holder)
	skynet.send(holder, "lua", "exit")
	fails(result)
end)

T.test("a request whose task gave itself up with a yield of its own fails when the service ends", function()
	local holder = skynet.newservice "holder"
	local result = {}
	skynet.fork(function()
		result.ok, result.err = pcall(skynet.call, holder, "lua", "yield")
		result.done = true
	end)
	skynet.call(holder, "lua", "held")
	skynet.send(holder, "lua", "exit")
	fails(result)
end)

T.test("a call that was answered is not failed later", function()
	local holder = skynet.newservice "holder"
	local unknown = 0
	skynet.dispatch_unknown_response(function() unknown = unknown + 1 end)
	local result = call_held(holder)
	skynet.call(holder, "lua", "answer")
	T.eventually(function() return result.done end)
	T.eq(result.ok, true)
	skynet.kill(holder)
	T.eventually(function() return not pcall(skynet.call, holder, "lua", "held") end)
	skynet.sleep(5)
	T.eq(unknown, 0)
end)

T.test("a response without a session is for no call that waits", function()
	local holder = skynet.newservice "holder"
	local unknown = 0
	skynet.dispatch_unknown_response(function() unknown = unknown + 1 end)
	local first, second = call_held(holder), call_held(holder)
	for _ = 1, 5 do skynet.redirect(skynet.self(), holder, "response", 0, "") end
	T.eventually(function() return unknown == 5 end)
	skynet.kill(holder)
	fails(first)
	fails(second)
end)

-- Errors for all sessions that were given out so far, as from services that got forged ones.
local function errors_for_all()
	for session = 1, skynet.genid() do core.send(skynet.self(), skynet.PTYPE_ERROR, session, "") end
end

T.test("an error for the session of a timer or of a sleep changes nothing", function()
	local ran, slept = 0, nil
	skynet.fork(function() slept = { skynet.sleep(3) } end)
	for _ = 1, 3 do skynet.timeout(3, function() ran = ran + 1 end) end
	skynet.yield()
	errors_for_all()
	T.eventually(function() return ran == 3 and slept end, 200)
	T.eq(slept, {})
end)

T.test("a package of a gate that was ignored is no request: its session is the id of a connection", function()
	skynet.register_protocol { name = "client", id = skynet.PTYPE_CLIENT }
	local holder, other = skynet.newservice "holder", skynet.newservice "holder"
	local result = {}
	skynet.fork(function()
		result.ok, result.value = pcall(skynet.call, other, "lua", "slow")
		result.done = true
	end)
	skynet.yield()
	for session = 1, skynet.genid() do skynet.redirect(holder, skynet.self(), "client", session, "x") end
	T.eq(skynet.call(holder, "lua", "held"), 0)
	T.eq(result.done, nil)
	skynet.send(holder, "lua", "exit")
	T.eventually(function() return skynet.send(holder, "lua", "held") == nil end)
	T.eventually(function() return result.done end)
	T.eq(result, { done = true, ok = true, value = "slow" })
end)

T.run()
