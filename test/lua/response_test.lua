-- Requests that are open when their service ends, and response closures above all.
local skynet = require "skynet"
require "skynet.manager"
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

T.run()
