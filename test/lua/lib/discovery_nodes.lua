--- Nodes of a test that find each other in etcd.
local skynet = require "skynet"
local other_node = require "other_node"

--- Returns a table, and the function that starts a node and puts it there under its name. Such a node listens `place`
--- ports after that of the test.
---@param url string  of etcd
---@param config? table<string, any>  further keys of all nodes
---@return table<string, table> nodes
---@return fun(name: string, place: integer, config?: table<string, any>): table start
return function(url, config)
	local nodes = {}
	return nodes, function(name, place, own)
		local keys = {
			cluster_etcd = url,
			cluster_ttl = 3,
			cluster_listen = "127.0.0.1:" .. (tonumber(skynet.getenv "port") + place),
			node = name,
		}
		for key, value in pairs(config or {}) do keys[key] = value end
		for key, value in pairs(own or {}) do keys[key] = value end
		nodes[name] = other_node.start("discovery_node", keys)
		return nodes[name]
	end
end
