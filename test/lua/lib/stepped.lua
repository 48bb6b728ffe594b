-- A helper service of debug_console_test: its line numbers matter there.
local skynet = require "skynet"

local function inner(x)
	local y = x * 2
	return y
end

local function work(x)
	local a = inner(x)
	skynet.sleep(1)
	local b = inner(a)
	return b
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, x)
		if cmd == "exit" then skynet.exit() end
		skynet.retpack(work(x))
	end)
end)
