--- `require` for services: a module may block while it loads. Every service loads this file, so it is kept small: what
--- a service that requires all in its main chunk does not need is in skynet.require_task.
local lua_require = require
local running = coroutine.running

local M = {
	lua_require = lua_require,
	run_inits = nil, ---@type async fun()?  what skynet.init was given in the main chunk (skynet.require_task)
	starting = nil, ---@type thread?  the coroutine that starts the service
}

--- The global `require` of a service.
---@async
---@param name string
---@return any module
---@return any where  what the searcher says about its origin, usually the file's name
function M.require(name)
	local co, main = running()
	-- In the main chunk nothing may block, so Lua's own does.
	if main or not co or package.loaded[name] then return lua_require(name) end
	return lua_require "skynet.require_task".require(name)
end

return M
