--- `require` for services: a module may block while it loads, and functions given to `skynet.init` run right after
--- the body of the module that gives them. Every service loads this file, so it is kept small: what a service that
--- requires all in its main chunk does not need is in skynet.require_task.
local lua_require = require
local running = coroutine.running

local inits = {} -- given by the main chunk
local starter ---@type thread?  the coroutine that runs them

local M = { lua_require = lua_require }

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

--- Registers `f` to run when the module that is being loaded is complete, or, from the main chunk, when the
--- service starts. Raises where neither lies ahead.
---@param f async fun()
function M.init(f)
	if type(f) ~= "function" then error("skynet.init: a function is wanted, got " .. type(f), 2) end
	local co, main = running()
	local list = inits
	if not main and co and co ~= starter then list = lua_require "skynet.require_task".inits_of(co) end
	if not list then error("skynet.init: nothing is being loaded here", 2) end
	list[#list + 1] = f
end

--- Runs what the main chunk registered, in order; functions that the running ones add join them. For skynet.start.
---@async
function M.init_all()
	starter = running()
	local i = 1
	while inits[i] do
		inits[i]()
		i = i + 1
	end
	starter, inits = nil, {}
end

return M
