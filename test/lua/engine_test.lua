-- Which engine a service runs on.
local skynet = require "skynet"
require "skynet.manager"
local T = require "harness"

if ... == "tell" then
	skynet.start(function()
		skynet.dispatch("lua", function() skynet.retpack(skynet.engine(), jit ~= nil) end)
	end)
	return
end

T.test("skynet.engine() is what the config says", function()
	T.eq(skynet.engine(), skynet.getenv "engine")
	T.eq(skynet.engine() == "luajit", jit ~= nil)
end)

T.test("snlua follows the config, snjit is LuaJIT in any case", function()
	T.eq(skynet.call(skynet.newservice("engine_test", "tell"), "lua"), skynet.getenv "engine")
	local address = skynet.call(".launcher", "lua", "LAUNCH", "snjit", "engine_test", "tell")
	T.eq({ skynet.call(address, "lua") }, { "luajit", true })
end)

T.run()
