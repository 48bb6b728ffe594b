--- One tree of values for the whole harbor network, kept by the master node.
local skynet = require "skynet"

local datacenter = {}

--- The value at a path; a branch comes as a table, a copy. Raises `call failed` on the way through a leaf.
---@async
---@param ... any  the keys
---@return any value  nil when there is none
function datacenter.get(...)
	return skynet.call("DATACENTER", "lua", "QUERY", ...)
end

--- Stores a value, nil deletes. Missing branches are made. Raises `call failed` on the way through a leaf.
---@async
---@param ... any  the keys, and the value last
---@return any old  what was there
function datacenter.set(...)
	return skynet.call("DATACENTER", "lua", "UPDATE", ...)
end

--- The value at a path; waits until it is set. Raises `call failed` when the path becomes a branch meanwhile.
---@async
---@param ... any  the keys
---@return any value
function datacenter.wait(...)
	return skynet.call("DATACENTER", "lua", "WAIT", ...)
end

return datacenter
