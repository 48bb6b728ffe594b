--- Services of which there is one. A part of skynet.
local skynet = require "skynet"

local M = {}

local function service_manager(command, global_command, global, ...)
	local handle, err
	if global == true then
		handle, err = skynet.call(".service", "lua", global_command, ...)
	else
		handle, err = skynet.call(".service", "lua", command, global, ...)
	end
	return handle or error(err)
end

--- The one service of this name; starts it if nobody has. With true in front: one for the whole harbor network.
---@async
---@return integer handle
function M.uniqueservice(global, ...)
	return service_manager("LAUNCH", "GLAUNCH", global, ...)
end

--- The same, but waits until somebody else starts it.
---@async
---@return integer handle
function M.queryservice(global, ...)
	return service_manager("QUERY", "GQUERY", global, ...)
end

return M
