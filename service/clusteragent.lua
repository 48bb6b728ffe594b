--- Serves one connection of another node. clusterd starts it, with the socket and the peer's address.
---
--- The link (skynet.cluster.link) takes what comes from the socket, and the answers of services, before they get here.
local skynet = require "skynet"
local link = require "skynet.cluster.link"

local fd, peer = ...
fd = tonumber(fd)

local connection
local command = {}

--- The connection has ended.
function command.closed()
	skynet.exit()
end

function command.status()
	local status = connection:status()
	status.address = peer
	return status
end

--- The node is about to end: requests that come from now on are not delivered.
function command.refuse()
	connection:refuse()
end

skynet.start(function()
	skynet.dispatch("lua", function(session, _, name, ...)
		local f = command[name] or error("clusteragent: unknown command " .. tostring(name))
		if session ~= 0 then skynet.retpack(f(...)) else f(...) end
	end)
	connection = link.server(
		fd,
		peer,
		tonumber(skynet.getenv "cluster_dead_after") or 10,
		tonumber(skynet.getenv "cluster_unfinished") or 512,
		tonumber(skynet.getenv "cluster_compress") or 0
	)
end)
