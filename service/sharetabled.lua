-- Loads shared tables for lualib/skynet/sharetable.lua. The data itself is the process's, not this service's.
local skynet = require "skynet"
local core = require "skynet.sharetable.core"

local command = { load = core.load, publish = core.publish }

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, ...)
		local f = command[cmd]
		if not f then error("sharetabled: unknown command " .. tostring(cmd)) end
		f(...)
		skynet.ret()
	end)
end)
