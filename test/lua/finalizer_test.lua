-- Finalizers that raise, wherever the collector happens to run them: in a task, or between the tasks while a message is
-- unpacked. LuaJIT passes their errors on, and Lua 5.4 warns.
local skynet = require "skynet"
require "skynet.manager"
local T = require "harness"

T.test("a finalizer that raises ends at most the handling of one message", function()
	local service = skynet.newservice "finalizing"
	local finalized, answered, failed = 0, 0, 0
	for i = 1, 4000 do
		-- Long strings, so that the collector has work while they are unpacked.
		local text = ("x"):rep(2000 + i)
		local ok, size, count = pcall(skynet.call, service, "lua", text)
		if ok then
			T.eq(size, #text)
			answered, finalized = answered + 1, count
		else
			failed = failed + 1
		end
		skynet.send(service, "lua", text)
	end
	T.ok(finalized > 1000, finalized .. " were finalized")
	T.ok(answered > 0, "some are answered")
	T.ok(newproxy or failed == 0, failed .. " calls have failed")
	skynet.kill(service)
end)

T.run()
