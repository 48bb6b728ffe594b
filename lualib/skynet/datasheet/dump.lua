--- The compiled form of datasheets, for programs that bring a builder of their own, as skynet's is.
local core = require "skynet.datasheet.core"

local dump = {}

--- The bytes that a table becomes.
---@param v table
---@return string
function dump.dump(v)
	return core.compile(v)
end

--- An ordinary table from the bytes. Raises for malformed ones.
---@param bytes string
---@return table
function dump.undump(bytes)
	return core.undump(bytes)
end

--- What an object that shows `last` is to be updated with, to show `current`. Objects find their parts again by their
--- way from the root, not by the numbers that tables have in the bytes: so `current` is good as it is.
---@param last string
---@param current string
---@return string
function dump.diff(last, current)
	assert(type(last) == "string")
	return current
end

return dump
