--- Read-only tables that all services of the process share, on both engines, without copying.
local core = require "skynet.sharetable.core"
local skynet = require "skynet"
local engine = require "skynet.engine"

local sharetable = {}

local address ---@type integer?

-- A load may take long, and must not hold up the service that asks for it, so another one does it.
local function ask(...)
	address = address or skynet.uniqueservice "sharetabled"
	skynet.call(address, "lua", ...)
end

-- Functions cannot be in messages; C functions go as pointers, with a list that says where they are and of which engine.
local function load(name, source, ...)
	local engines, values = {}, { ... }
	local n = select("#", ...)
	for i = 1, n do
		if type(values[i]) == "function" then values[i], engines[i] = core.pointer(values[i]) end
	end
	ask("load", name, source, engines, n, engine.unpack(values, 1, n))
end

--- Runs a file and shares the table that is its result under the file's name, as a new version if the name is
--- known. Raises `call failed` when that is not possible; then the version before stays.
---@async
---@param filename string  as it is, from the current folder
---@param ... boolean|number|lightuserdata|function  for the file's `...`; functions only of C, without upvalues
function sharetable.loadfile(filename, ...)
	load(filename, nil, ...)
end

--- Runs source code and shares the table that is its result.
---@async
---@param name string
---@param source string
---@param ... boolean|number|lightuserdata|function
function sharetable.loadstring(name, source, ...)
	if type(source) ~= "string" then error("call failed: the source of a shared table is a string, not a " .. type(source), 2) end
	load(name, source, ...)
end

--- Shares a copy of a table that skynet.pack can write.
---@async
---@param name string
---@param tbl table
function sharetable.loadtable(name, tbl)
	assert(type(tbl) == "table")
	ask("publish", name, tbl)
end

--- The current version of a shared table, the same table each time; no value for an unknown name.
---@param name string
---@return table?
function sharetable.query(name)
	return core.query(name)
end

--- Shared tables by their names: all, or those of the names in the list that exist.
---@param list? string[]
---@return table<string, table>
function sharetable.queryall(list)
	local found = {}
	for _, name in ipairs(list or core.names()) do found[name] = core.query(name) end
	return found
end

--- Replaces whatever this service holds of older versions of these names, in tables, upvalues, locals and
--- suspended coroutines, by what is at the same place in the current version, or nil.
---@param ... string
function sharetable.update(...)
	core.update(...)
end

return sharetable
