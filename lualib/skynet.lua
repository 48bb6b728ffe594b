--- The API of services. What every service uses is native (skynet.native; what it has is told in meta/skynet.lua) or
--- here; the rest is loaded when it is first asked for (skynet/parts.lua). So an idle service stays small.
local loading = require "skynet.require"

local lua_require = loading.lua_require

---@class skynet
local skynet = require "skynet.native"

-- Programs that load modules anew get another one, for the same tasks; the one before may still be in use.
if not rawget(skynet, "begin") then
	package.loaded["skynet.native"] = nil
	skynet = lua_require "skynet.native"
end
if not rawget(skynet, "retpack") then -- the native one goes by what the first one has
	function skynet.retpack(...)
		return skynet.ret(skynet.pack(...))
	end
end

local begin, traceback = skynet.begin, skynet.traceback

skynet.begin, skynet.traceback = nil, nil
skynet.pcall = pcall

if rawget(_G, "jit") then
	-- A native function of LuaJIT cannot go on after a yield: its results are what the coroutine is resumed with. A call
	-- comes back with the number of the reply's values in front, or with a function that gives them, or raises, and its
	-- arguments. (Three are handed on for less than any number.)
	local call, rawcall = skynet.call, skynet.rawcall

	function skynet.call(...)
		local first, a, b, c = call(...)
		if first == 1 then return a end
		if first == 2 then return a, b end
		if first == 0 then return end
		if first == 3 then return a, b, c end
		return first(a, b, c)
	end

	function skynet.rawcall(...)
		local first, message, size = rawcall(...)
		if first == 2 then return message, size end
		return first()
	end
end

skynet.dispatch("debug", function(...)
	return lua_require "skynet.debug".dispatch(...)
end)

--- Starts a Lua service and waits until it is ready.
---@async
---@param name string
---@param ... string|number  joined by blanks
---@return integer? handle  nil when it has called exit in its start function
function skynet.newservice(name, ...)
	return skynet.call(".launcher", "lua", "LAUNCH", "snlua", name, ...)
end

local function run(start)
	loading.starting = coroutine.running()
	if loading.run_inits then loading.run_inits() end
	if start then start() end
	loading.starting = nil
end

--- Runs the functions given to init, then `start`, and tells the launcher how it went.
---@async
function skynet.init_service(start)
	local ok, err = xpcall(run, traceback, start)
	if ok then
		skynet.send(".launcher", "lua", "LAUNCHOK")
	else
		collectgarbage() -- memory may be what ran out
		skynet.error("init service failed: " .. tostring(err))
		skynet.send(".launcher", "lua", "ERROR", tostring(err))
		skynet.exit()
	end
end

--- Makes this a service: its messages are dispatched from now on, and `start` runs as its first task.
---@param start async fun()
function skynet.start(start)
	begin(rawget(skynet, "dispatch_message")) -- a service may have put one of its own there
	skynet.timeout(0, function()
		skynet.init_service(start)
	end)
end

return skynet
