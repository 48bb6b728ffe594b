-- Calls skynet.exit() while its tasks have variables to close (Lua 5.4). Helper of exit_test.
local skynet = require "skynet"

-- f() with a variable that tells `to` when it is closed.
local function marked(to, what, f, ...)
	return load([[
		local skynet, to, what, f = ...
		local x <close> = setmetatable({}, { __close = function() skynet.send(to, "lua", what) end })
		f(select(5, ...))
	]])(skynet, to, what, f, ...)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, source, command)
		if command == "sleep" then return marked(source, "handler", skynet.sleep, 10000) end
		skynet.fork(function() marked(source, "sleep", skynet.sleep, 10000) end)
		skynet.fork(function() marked(source, "call", skynet.call, skynet.self(), "lua", "sleep") end)
		if command == "coroutines" then
			local wrap = require "skynet.coroutine".wrap
			local function inner()
				skynet.sleep(0) -- blocks more than once
				marked(source, "inner", skynet.sleep, 10000)
			end
			skynet.fork(function() marked(source, "outer", wrap(function() marked(source, "middle", wrap(inner)) end)) end)
		end
		skynet.sleep(1)
		if command == "exit in a coroutine" then
			local co = require "skynet.coroutine"
			marked(source, "task", function() co.wrap(function() marked(source, "own", skynet.exit) end)() end)
		else
			marked(source, "own", skynet.exit)
		end
	end)
end)
