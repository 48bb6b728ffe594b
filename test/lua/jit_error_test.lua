-- Errors that are raised beneath machine code must find their way out of it.
local skynet = require "skynet"
local T = require "harness"

T.test("memory that runs out in a compiled loop is an error that pcall catches", function()
	local service = skynet.newservice "limited"
	for _ = 1, 5 do
		local ok, err = skynet.call(service, "lua")
		T.eq(ok, false)
		T.ok(tostring(err):find "not enough memory", tostring(err))
	end
end)

T.run()
