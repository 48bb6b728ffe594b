--- Makes datasheets. One service should own the building.
local core = require "skynet.datasheet.core"
local skynet = require "skynet"
local service = require "skynet.service"

local builder = {}

-- Only there to be waited for: the data itself is the process's.
local function marker()
	local skynet = require "skynet"
	skynet.dispatch("lua", function() error "datasheet: this service has no commands" end)
end

skynet.init(function()
	service.new("datasheet", marker)
end)

--- The bytes that a datasheet of this table consists of.
---@param v table
---@return string
function builder.compile(v)
	return core.compile(v)
end

local function bytes_of(v)
	return type(v) == "string" and v or core.compile(v)
end

--- Publishes new data: a table, or what compile() made of one. Raises for a name that exists.
---@param name string
---@param v table|string
function builder.new(name, v)
	assert(core.add(name, bytes_of(v)))
end

--- Publishes a new version. Objects that services hold show it a moment later. Raises for an unknown name.
---@param name string
---@param v table|string
function builder.update(name, v)
	assert(core.replace(name, bytes_of(v)))
	for _, handle in ipairs(core.holders(name)) do skynet.send(handle, "debug", "DATASHEET", name) end
end

return builder
