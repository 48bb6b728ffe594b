-- skynet.service when the services end early.
local skynet = require "skynet"
require "skynet.manager"
local service = require "skynet.service"
local T = require "harness"

local function slow()
	local skynet = require "skynet"
	skynet.start(function()
		repeat skynet.sleep(5) until skynet.getenv "slow_may_start"
		skynet.dispatch("lua", function() skynet.retpack "slow" end)
	end)
end

T.test("close while it starts fails those who wait for it, and the name is free", function()
	local failed = 0
	for _ = 1, 3 do
		skynet.fork(function() if not pcall(service.new, "closing", slow) then failed = failed + 1 end end)
	end
	skynet.fork(function() if not pcall(service.query, "closing") then failed = failed + 1 end end)
	skynet.sleep(5)
	T.eq(service.close "closing", true)
	T.eventually(function() return failed == 4 end)
	skynet.setenv("slow_may_start", "now")
	T.eq(skynet.call(service.new("closing", slow), "lua"), "slow")
end)

T.test("a function that exits has failed; close lets it be tried again", function()
	local function leaves()
		require("skynet").exit()
	end
	T.raises("call failed", service.new, "leaving", leaves)
	T.raises("call failed", service.new, "leaving", slow)
	T.eq(service.close "leaving", true)
	T.eq(skynet.call(service.new("leaving", slow), "lua"), "slow")
end)

T.test("what is no function is refused before anything starts", function()
	T.raises("a Lua function is wanted", service.new, "nothing", "text")
	T.raises("a Lua function is wanted", service.new, "native", print)
	for _, f in ipairs { service.new, service.query, service.close } do T.raises("the name of a service is nil", f, nil, function() end) end
	T.eq(service.close "nothing", false)
end)

T.test("the provider's close answers the address and leaves the service alive", function()
	local provider = skynet.uniqueservice "service_provider"
	local handle = service.new("left alone", slow)
	T.eq({ skynet.call(provider, "lua", "close", "left alone") }, { handle })
	T.eq(skynet.call(handle, "lua"), "slow")
	T.eq({ n = select("#", skynet.call(provider, "lua", "close", "left alone")) }, { n = 1 })
	T.eq(skynet.call(provider, "lua", "close", "left alone"), nil)
	local other = service.new("left alone", slow)
	T.ok(other ~= handle)
	skynet.kill(handle)
	T.eq(service.close "left alone", true)
	T.eventually(function() return not pcall(skynet.call, other, "lua") end)
end)

T.test("INFO lists the services", function()
	local provider = skynet.uniqueservice "service_provider"
	local info = skynet.call(provider, "debug", "INFO")
	T.eq(info.closing.name, "closing")
	T.eq(info.closing.status, skynet.address(service.query "closing"))
	T.ok(info.closing.init:find("service_test.lua:%d+"), info.closing.init)
	T.ok(info.closing.time:match "^%d+%-%d+%-%d+ %d+:%d+:%d+$", info.closing.time)
end)

T.run()
