--- Names and nodes of the harbor network. On a node without one (`harbor = 0`) names are local to it.
local skynet = require "skynet"

local harbor = {}

--- Registers a name of 1 to 15 bytes. The first registration of a name stays.
---@param name string
---@param handle? integer  default: the own service
function harbor.globalname(name, handle)
	skynet.send(".cslave", "lua", "REGISTER", name, handle or skynet.self())
end

--- The service behind a name; waits until there is one. A `.name` is answered at once.
---@async
---@param name string
---@return integer? handle  nil only for a `.name` that nobody has
function harbor.queryname(name)
	return skynet.call(".cslave", "lua", "QUERYNAME", name)
end

--- Returns when node `id` goes down; at once if it is not connected.
---@async
---@param id integer
function harbor.link(id)
	skynet.call(".cslave", "lua", "LINK", id)
end

--- Returns when node `id` is connected. Never on a node without a harbor network.
---@async
---@param id integer
function harbor.connect(id)
	skynet.call(".cslave", "lua", "CONNECT", id)
end

--- Returns when the connection to the master breaks. Raises on a node without a harbor network.
---@async
function harbor.linkmaster()
	skynet.call(".cslave", "lua", "LINKMASTER")
end

return harbor
