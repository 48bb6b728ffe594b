--- Runs a function that skynet.service has shipped here.
local skynet = require "skynet"

local name = ...

-- The name of the function's source stands in its bytecode already.
local function run(code, ...)
	local f, err = load(code, "=" .. name, "b")
	if not f then
		-- The launcher chooses LuaJIT for LuaJIT's bytecode; for that of Lua 5.4 the config decides.
		local hint = rawget(_G, "jit") and code:sub(1, 4) == "\27Lua" and "; Lua 5.4 compiled it: list service_cell under lua54" or ""
		error(string.format("the function of %s cannot run here: %s%s", name, err, hint))
	end
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
