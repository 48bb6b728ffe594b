--- Sends the requests of this node to one other node. clusterd starts it, with the node's name, and tells it the address.
---
--- The messages of services are ("req" | "push", address, message, size[, ticks]). The link (skynet.cluster.link) takes them,
--- and everything that comes from its socket, before they get here.
local skynet = require "skynet"
local link = require "skynet.cluster.link"
local words = require "skynet.words"

local node = words.unquote((...))

-- In 1/100 s: how long requests that are under way to a node that ends may take, and how often it is looked for them.
local RETIRE_TICKS, RETIRE_LOOK = 1000, 5

local connection
local retiring ---@type table?  a token: the node has left, requests may be under way
local command = {}

-- What the link has left: a request that is none.
function command.req()
	error("cluster: a request to node " .. node .. " is (address, message, size[, ticks])")
end
command.push = command.req

--- Where the node is: host and port, false for "it is down", nil for "not known yet".
function command.changenode(host, port)
	retiring = nil
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
	retiring = nil
	connection:down(why)
end

--- The same for a node that has left in order: what is under way gets its answers first.
function command.retire(why)
	local token = {}
	retiring = token
	skynet.fork(function()
		local deadline = skynet.now() + RETIRE_TICKS
		while retiring == token and connection:status().in_flight > 0 and skynet.now() < deadline do
			skynet.sleep(RETIRE_LOOK)
		end
		if retiring == token then command.absent(why) end
	end)
end

function command.status()
	return connection:status()
end

skynet.start(function()
	connection = link.client(
		node,
		tonumber(skynet.getenv "cluster_dead_after") or 10,
		tonumber(skynet.getenv "cluster_timeout") or 0,
		tonumber(skynet.getenv "cluster_unfinished") or 512,
		tonumber(skynet.getenv "cluster_compress") or 0
	)
	skynet.dispatch("lua", function(session, _, name, ...)
		local f = command[name] or error("clustersender: unknown command " .. tostring(name))
		if session ~= 0 then skynet.retpack(f(...)) else f(...) end
	end)
end)
