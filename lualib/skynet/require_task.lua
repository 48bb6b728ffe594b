--- `require` in the coroutine of a service, where the body of a module may block.
--
-- Lua's own require is a C function, and a coroutine cannot yield across it. So the searchers are asked from here and
-- the loader is called as a plain Lua call.
local skynet = require "skynet"

local lua_require = require "skynet.require".lua_require
local running = coroutine.running
local internal = skynet._internal

---@class skynet.require.load
---@field owner thread       who runs the module's body
---@field waiters? thread[]  who else required it meanwhile

local loading = {} ---@type table<string, skynet.require.load>
local waiting = {} ---@type table<thread, skynet.require.load>  for what a coroutine waits
local contexts = {} ---@type table<thread, function[]>  what skynet.init got from the innermost module

local M = {}

--- The list of init functions that `co` adds to; nil when it loads nothing.
---@param co thread
---@return function[]?
function M.inits_of(co)
	return contexts[co]
end

local function find_loader(name)
	for _, search in ipairs(package.searchers or package.loaders) do
		local loader, where = search(name)
		if type(loader) == "function" then return loader, where end
	end
	return nil
end

local function load_module(co, name, loader, where)
	local inits = {}
	contexts[co] = inits
	local value = loader(name, where)
	local i = 1
	while inits[i] do -- the running ones may add some
		inits[i]()
		i = i + 1
	end
	local loaded = package.loaded
	if value ~= nil then
		loaded[name] = value
	elseif not loaded[name] then
		loaded[name] = true
	end
end

local function traceback(err)
	if type(err) ~= "string" or err:find("\nstack traceback:", 1, true) then return err end
	return debug.traceback(err, 2)
end

local function finish(name, load)
	loading[name] = nil
	for _, co in ipairs(load.waiters or {}) do skynet.wakeup(co) end
end

-- True when `co` itself holds up the load, directly or because those it needs wait for something that co loads.
local function waits_for(load, co)
	while load do
		if load.owner == co then return true end
		load = waiting[load.owner]
	end
	return false
end

local function wait(name, load, co)
	if waits_for(load, co) then error("circular dependency: " .. name, 3) end
	load.waiters = load.waiters or {}
	table.insert(load.waiters, co)
	waiting[co] = load
	skynet.wait(co)
	waiting[co] = nil
	local value = package.loaded[name]
	if not value then error("require " .. name .. " failed", 3) end
	return value
end

--- `require` for a module that is not loaded yet.
---@async
---@param name string
---@return any module
---@return any where
function M.require(name)
	if type(name) ~= "string" then return lua_require(name) end -- raises
	local co = running()
	local load = loading[name]
	if load and internal.killed and internal.killed[load.owner] then
		finish(name, load)
		load = nil
	end
	if load then return wait(name, load, co) end

	load = { owner = co }
	loading[name] = load
	local found, loader, where = pcall(find_loader, name)
	if not found or not loader then
		finish(name, load)
		if not found then error(loader, 0) end
		return lua_require(name) -- raises, with the list of the places that Lua looked at
	end
	local outer = contexts[co]
	local ok, err = xpcall(load_module, traceback, co, name, loader, where)
	contexts[co] = outer
	finish(name, load)
	if not ok then error(err, 0) end
	return package.loaded[name], where
end

return M
