--- Read-only data with small values that all services share; objects follow updates. skynet.datasheet.builder makes
--- it. A service that requires this waits, as it starts, until some service has required the builder.
local core = require "skynet.datasheet.core"
local skynet = require "skynet"
local service = require "skynet.service"
local debug = require "skynet.debug"

local datasheet = {}

-- A new version of something that this service holds, from the service that built it.
debug.reg_debugcmd("DATASHEET", core.sync)

skynet.init(function()
	service.query "datasheet"
end)

--- The object `name`, the same one each time; its parts are objects too. It follows updates; a part that a new
--- version does not have raises at its next use.
---@param name string
---@return table
function datasheet.query(name)
	return core.query(name) or error("call failed: no datasheet has the name " .. tostring(name), 2)
end

return datasheet
