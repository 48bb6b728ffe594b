--- Unique services that are made from a function instead of a file.
local skynet = require "skynet"
require "skynet.manager"

local service = {}

local provider ---@type integer?

local function ask(what, name, ...)
	if name == nil then error("skynet.service: the name of a service is nil", 3) end
	provider = provider or skynet.uniqueservice "service_provider"
	return skynet.call(provider, "lua", what, name, ...)
end

-- The function travels as bytecode, so it can take nothing along but the table of globals.
local function check(f)
	assert(type(f) == "function" and debug.getinfo(f, "S").what ~= "C", "service.new: a Lua function is wanted")
	local i = 1
	while true do
		local name = debug.getupvalue(f, i)
		if name == nil then return end
		assert(name == "_ENV", "service.new: the function uses the upvalue " .. name)
		i = i + 1
	end
end

--- The unique service `name`; the first call starts it: `f(...)` runs in a state of its own, there it can use
--- globals only. Raises `call failed` when f fails, also in later calls.
---@async
---@param name string
---@param f async fun(...)
---@param ... any  values that can be packed
---@return integer handle
function service.new(name, f, ...)
	local handle, begun = ask("test", name)
	if handle then return handle end
	if begun then return service.query(name) end
	check(f)
	return ask("launch", name, string.dump(f), ...)
end

--- Waits until somebody has made the service `name`.
---@async
---@param name string
---@return integer handle
function service.query(name)
	return ask("query", name)
end

--- Kills the service `name`, or forgets that it failed.
---@async
---@param name string
---@return boolean closed  false: there is none
function service.close(name)
	local handle, forgotten = ask("close", name)
	if handle then skynet.kill(handle) end
	return handle ~= nil or forgotten == true
end

return service
