--- Read-only data that all services of the process share, on both engines, and whose objects follow updates.
local core = require "skynet.sharedata.core"
local skynet = require "skynet"
local debug = require "skynet.debug"

local sharedata = {}

local address ---@type integer?

local function ask(...)
	address = address or skynet.uniqueservice "sharedatad"
	skynet.call(address, "lua", ...)
end

-- A new version of something that this service holds, from the service that made it.
debug.reg_debugcmd("SHAREDATA", core.sync)

--- Publishes new data. The source of a string, or of a file given as "@file", runs with `...`: its result, or else
--- its globals, are the data. Raises `call failed` for a name that exists, and for what cannot be shared.
---@async
---@param name string
---@param value? table|string
---@param ... any  for the source
function sharedata.new(name, value, ...)
	ask("new", name, value, ...)
end

--- Publishes a new version. Objects that services hold show it a moment later. A new name is created.
---@async
---@param name string
---@param value? table|string
---@param ... any  for the source
function sharedata.update(name, value, ...)
	ask("update", name, value, ...)
end

--- Frees a name. Objects that services hold stay readable. Raises `call failed` for an unknown name.
---@async
---@param name string
function sharedata.delete(name)
	ask("delete", name)
end

local function unknown(name)
	error("call failed: no shared data has the name " .. tostring(name), 3)
end

--- The object `name`, the same one each time; its parts are objects too. It follows updates; a part that a new
--- version does not have raises at its next use.
---@param name string
---@return table
function sharedata.query(name)
	return core.query(name) or unknown(name)
end

--- Moves the objects that this service holds to their current versions now.
function sharedata.flush()
	core.sync_all()
end

--- An ordinary copy of the data, or of what is at the path `...`; nil when there is nothing.
---@param name string
---@param ... string|integer  keys
---@return any
function sharedata.deepcopy(name, ...)
	local found, value = core.copy(name, ...)
	if not found then unknown(name) end
	return value
end

return sharedata
