--- Wall clock time.
local skynet = require "skynet"

local floor = math.floor

local time = {}

--- Whole seconds since 1970.
---@return integer
function time.now()
	return floor(skynet.time())
end

return time
