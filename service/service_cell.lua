--- Runs a function that skynet.service has shipped here.
local skynet = require "skynet"

local name = ...

-- The name of the function's source stands in its bytecode already.
local function run(code, ...)
	local f = assert(load(code, "=" .. name, "b"))
	-- The service has been started; what the function gives to start runs at once.
	function skynet.start(start) start() end
	f(...)
	local info = debug.getinfo(f, "S")
	return string.format("%s:%d", info.short_src, info.linedefined)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, command, ...)
		if command ~= "init" then error("Unknown command " .. tostring(command)) end
		skynet.retpack(run(...))
	end)
end)
