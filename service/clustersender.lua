--- Sends the requests of this node to one other node. clusterd starts it, with the node's name, and tells it the address.
---
--- The messages of services are ("req" | "push", address, message, size[, ticks]). The link (skynet.cluster.link) takes them,
--- and everything that comes from its socket, before they get here.
local skynet = require "skynet"
local link = require "skynet.cluster.link"
local words = require "skynet.words"

local node = words.unquote((...))

local connection
local command = {}

-- What the link has left: a request that is none.
function command.req()
	error("cluster: a request to node " .. node .. " is (address, message, size[, ticks])")
end
command.push = command.req

--- Where the node is: host and port, false for "it is down", nil for "not known yet".
function command.changenode(host, port)
	if host then
		connection:address(host, port)
	elseif host == false then
		connection:down "the node table says that it is down"
	else
		connection:unknown()
	end
end

--- Requests fail until there is an address.
function command.absent(why)
	connection:down(why)
end

function command.status()
	return connection:status()
end

skynet.start(function()
	connection = link.client(
		node,
		tonumber(skynet.getenv "cluster_dead_after") or 10,
		tonumber(skynet.getenv "cluster_timeout") or 0,
		tonumber(skynet.getenv "cluster_unfinished") or 512
	)
	skynet.dispatch("lua", function(session, _, name, ...)
		local f = command[name] or error("clustersender: unknown command " .. tostring(name))
		if session ~= 0 then skynet.retpack(f(...)) else f(...) end
	end)
end)
