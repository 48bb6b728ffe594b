--- Ids that are unique in all nodes and grow with time. Requiring this starts the service `snowflake` of the
--- node, before the requiring service starts: so it must be required in the main chunk.
local skynet = require "skynet"
local config = require "config"

local snowflake = {}

local first, last, current

--- The next id: an integer of about 2^61, so a 64-bit cdata on LuaJIT (see int64). The agents of the node take
--- turns. Raises when the clock has been moved back.
---@async
---@return integer id
function snowflake.snowflake()
	local agent = ".snowflake_" .. current
	current = current < last and current + 1 or first
	return skynet.call(agent, "lua", "snowflake")
end

skynet.init(function()
	skynet.uniqueservice "snowflake"
	first = config.get "snowflake_begin" or 1
	last = config.get "snowflake_end" or 10
	current = first
end)

return snowflake
