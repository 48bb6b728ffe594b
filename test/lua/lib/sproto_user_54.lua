-- A service that encodes with a schema of a slot; sproto_user_jit is the same one, under a name that runs on LuaJIT.
local skynet = require "skynet"
local loader = require "sprotoloader"

skynet.start(function()
	skynet.dispatch("lua", function(_, _, slot, typename, value)
		skynet.retpack(loader.load(slot):encode(typename, value))
	end)
end)
