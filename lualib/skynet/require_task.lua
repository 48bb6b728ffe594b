--- `require` in the coroutine of a service, where the body of a module may block, and skynet.init: functions that run
--- right after the body of the module that gives them, or when the service starts.
--
-- Lua's own require is a C function, and a coroutine cannot yield across it. So the searchers are asked from here and
-- the loader is called as a plain Lua call.
local shared = require "skynet.require"

-- Not with what this module makes.
local lua_require = shared.lua_require
local skynet = lua_require "skynet"
local killed = lua_require "skynet.killed"
local running = coroutine.running

---@class skynet.require.load
---@field owner thread       who runs the module's body
---@field waiters? thread[]  who else required it meanwhile

local loading = {} ---@type table<string, skynet.require.load>
local waiting = {} ---@type table<thread, skynet.require.load>  for what a coroutine waits
local contexts = {} ---@type table<thread, function[]>  what skynet.init got from the innermost module

local M = {}

local main_inits = {} ---@type function[]  given by the main chunk
local starter ---@type thread?  the coroutine that runs them

local function run_all(inits)
	local i = 1
	while inits[i] do -- the running ones may add some
		inits[i]()
		i = i + 1
	end
end

function shared.run_inits()
	starter = running()
	run_all(main_inits)
	starter, main_inits = nil, {}
end

--- Registers `f` to run when the module that is being loaded is complete, or, from the main chunk, when the
--- service starts, before its start function. Raises where neither lies ahead. A part of skynet.
---@param f async fun()
function M.init(f)
	if type(f) ~= "function" then error("skynet.init: a function is wanted, got " .. type(f), 2) end
	local co, main = running()
	local list = main_inits
	if not main and co and co ~= starter then list = contexts[co] end
	if not list then error("skynet.init: nothing is being loaded here", 2) end
	list[#list + 1] = f
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
	run_all(inits)
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

-- Whoever waits for a module that a killed task was loading fails; the next one to require it loads it anew.
killed.listen(loading, function(co)
	waiting[co] = nil
	for name, load in pairs(loading) do
		if load.owner == co then finish(name, load) end
	end
end)

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
	local ok, err = pcall(skynet.wait, co) -- raises where nothing may block
	waiting[co] = nil
	if not ok then error(err, 0) end
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
	if package.loaded[name] then return lua_require(name) end -- this module has done that
	local co = running()
	local load = loading[name]
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

local before = shared.require

--- The global `require` from now on: goes on also when somebody takes this module out of package.loaded.
function shared.require(name)
	local co, main = running()
	if name == "skynet.require" then package.loaded[name] = shared end -- there is one
	if main or not co or package.loaded[name] then return lua_require(name) end
	return M.require(name)
end

if require == before then require = shared.require end

return M
