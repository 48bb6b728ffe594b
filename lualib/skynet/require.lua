--- `require` for services: a module may block while it loads, and `skynet.init` functions of a module run right
--- after its body. Every service loads this file, so it stays small.
--
-- Lua's own require is a C function, and a coroutine cannot yield across it. Inside a coroutine the searchers are
-- therefore asked from here and the loader is called as a plain Lua call. In the main chunk, where nothing may
-- block anyway, Lua's own does the work.
local lua_require = require
local running = coroutine.running

---@class skynet.require.load
---@field owner thread       who runs the module's body
---@field waiters? thread[]  who else required it meanwhile

local loading = {} ---@type table<string, skynet.require.load>
local waiting = {} ---@type table<thread, skynet.require.load>  for what a coroutine waits
local contexts = {} ---@type table<thread, function[]>  the list that skynet.init appends to, of the innermost module
local main_inits = {} ---@type function[]  the same of the main chunk

local M = {}

-- Functions that the running ones add join the list.
local function run_inits(list)
	local i = 1
	while list[i] do
		list[i]()
		i = i + 1
	end
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
	run_inits(inits)
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
	if not load.waiters then return end
	-- Not at the top: skynet itself is made with the help of this file.
	local skynet = lua_require "skynet"
	for _, co in ipairs(load.waiters) do skynet.wakeup(co) end
end

-- True when `co` itself holds up the load, directly or because those it needs wait for something that co loads.
local function waits_for(load, co)
	while load do
		if load.owner == co then return true end
		load = waiting[load.owner]
	end
	return false
end

local function is_killed(co)
	local killed = lua_require "skynet"._internal.killed
	return killed and killed[co]
end

local function wait(name, load, co)
	if waits_for(load, co) then error("circular dependency: " .. name, 3) end
	load.waiters = load.waiters or {}
	table.insert(load.waiters, co)
	waiting[co] = load
	lua_require "skynet".wait(co)
	waiting[co] = nil
	local value = package.loaded[name]
	if not value then error("require " .. name .. " failed", 3) end
	return value
end

--- The global `require` of a service.
---@async
---@param name string
---@return any module
---@return any where  what the searcher says about its origin, usually the file's name
function M.require(name)
	local value = package.loaded[name]
	local co, main = running()
	if value or main or not co or type(name) ~= "string" then return lua_require(name) end

	local load = loading[name]
	if load and is_killed(load.owner) then
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

--- Registers `f` to run when the module that is being loaded is complete, or, from the main chunk, when the
--- service starts. Raises where neither lies ahead.
---@param f async fun()
function M.init(f)
	if type(f) ~= "function" then error("skynet.init: a function is wanted, got " .. type(f), 2) end
	local co, main = running()
	local list = contexts[co]
	if main or not co then list = main_inits end
	if not list then error("skynet.init: nothing is being loaded here", 2) end
	list[#list + 1] = f
end

--- Runs what the main chunk registered, in order. For skynet.start.
---@async
function M.init_all()
	local co, list = running(), main_inits
	contexts[co] = list
	run_inits(list)
	contexts[co] = nil
	main_inits = {}
end

return M
