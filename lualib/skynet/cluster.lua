--- Calls to services of other nodes. docs/cluster.md is the guide; the work is done by clusterd (names, addresses, ports),
--- a clustersender for each node that is called, and a clusteragent for each connection that comes in.
local skynet = require "skynet"
local link = require "skynet.cluster.link"
local members = require "skynet.cluster.members"

local cluster = {}

local floor, lives = math.floor, link.lives

local clusterd
local senders = {} ---@type table<string, integer>
local waiting = {} ---@type table<string, table[]>  node -> tokens of those who wait for its sender, in their order

skynet.init(function()
	clusterd = skynet.uniqueservice "clusterd"
end)

local function resolve(node)
	local ok, sender = pcall(skynet.call, clusterd, "lua", "link", node)
	local tokens = waiting[node]
	waiting[node] = nil
	if ok then senders[node] = sender end
	for _, token in ipairs(tokens) do
		token.err = not ok and sender or nil
		token.ready = true
		skynet.wakeup(token)
	end
end

-- A place in the queue of those who wait for the first sender of a node: they go on in the order in which they asked.
local function queue_for(node)
	local token = {}
	local tokens = waiting[node]
	if not tokens then
		tokens = {}
		waiting[node] = tokens
		skynet.fork(resolve, node)
	end
	tokens[#tokens + 1] = token
	return token
end

local function await(node, token)
	if not token.ready then skynet.wait(token) end
	return senders[node] or error(token.err, 0)
end

-- The values are packed when they are sent, not when there is a sender.
local function repack(packed)
	return skynet.pack(skynet.unpack(packed))
end

local function kind_of(value)
	return value == nil and "nil" or "a " .. type(value)
end

local function address_of(address)
	local kind = type(address)
	if kind == "string" then
		if #address < 1 or #address > 255 then error("cluster: an address has 1 to 255 characters", 3) end
		return address
	end
	if kind ~= "number" then error("cluster: the address is a number or a string, not " .. kind_of(address), 3) end
	if not (address >= 0 and address <= 0xffffffff and address % 1 == 0) then
		error("cluster: the address " .. address .. " is no handle", 3)
	end
	return floor(address)
end

local function node_of(node)
	if type(node) ~= "string" then error("cluster: the name of the node is a string, not " .. kind_of(node), 3) end
	return node
end

-- The sender of a node, if it is there: it may have been killed.
local function living_sender(node)
	local sender = senders[node]
	if sender and lives(sender) then return sender end
	senders[node] = nil
	return nil
end

-- The sender of a node, if it is there already, and the node's name. A name that means many nodes becomes that of one,
-- unless which there are has to be asked first.
local function known_sender(node, address)
	local role, key = members.pattern(node)
	if role and members.are_known() then node = members.pick(clusterd, role, key, address) end
	return living_sender(node), node
end

local function wait_for_sender(node, address)
	local role, key = members.pattern(node)
	if role then
		node = members.pick(clusterd, role, key, address)
		local sender = living_sender(node)
		if sender then return sender end
	end
	return await(node, queue_for(node))
end

--- Calls a service of another node with the protocol "lua".
---@async
---@param node string  a name; "role/*": the nodes of that role in turn; "role/#key": the one that has the key
---@param address integer|string  a handle, ".name" or "@name"
---@param ... any
---@return any ...
function cluster.call(node, address, ...)
	address = address_of(address)
	local sender = senders[node]
	if not (sender and lives(sender)) then sender, node = known_sender(node_of(node), address) end
	if sender then return skynet.call(sender, "lua", "req", address, skynet.pack(...)) end
	local packed = skynet.packstring(...)
	sender = wait_for_sender(node, address)
	return skynet.call(sender, "lua", "req", address, repack(packed))
end

--- Sends a message to a service of another node. Whether it arrives is not known.
---@param node string
---@param address integer|string
---@param ... any
function cluster.send(node, address, ...)
	address = address_of(address)
	local sender = senders[node_of(node)]
	if not (sender and lives(sender)) then
		local ok
		ok, sender, node = pcall(known_sender, node, address)
		if not ok then return skynet.error(sender) end
	end
	if sender then
		skynet.send(sender, "lua", "push", address, skynet.pack(...))
		return
	end
	local packed = skynet.packstring(...)
	if members.pattern(node) then
		skynet.fork(function()
			local ok, found = pcall(wait_for_sender, node, address)
			if not ok then return skynet.error(found) end
			skynet.send(found, "lua", "push", address, repack(packed))
		end)
		return
	end
	local token = queue_for(node)
	skynet.fork(function()
		local ok, found = pcall(await, node, token)
		if ok then skynet.send(found, "lua", "push", address, repack(packed)) end
	end)
end

--- Sends a message to a service of each node of a role that is up: cluster.broadcast("match/*", "@rooms", "close").
---@async
---@param pattern string  "role/*"
---@param address integer|string
---@param ... any
---@return integer count  how many nodes it has been sent to
function cluster.broadcast(pattern, address, ...)
	local role, key = members.pattern(node_of(pattern))
	if not role or key then error("cluster.broadcast: the nodes are named as \"role/*\", not " .. pattern, 2) end
	local packed = skynet.packstring(...)
	local names = members.of_role(clusterd, role)
	for _, name in ipairs(names) do cluster.send(name, address, skynet.unpack(packed)) end
	return #names
end

---@class skynet.cluster.within
---@field private ticks integer

local within = {}
within.__index = within

--- Like cluster.call, with this deadline.
---@async
function within:call(node, address, ...)
	address = address_of(address)
	local sender = senders[node]
	if not (sender and lives(sender)) then sender, node = known_sender(node_of(node), address) end
	if not sender then
		local packed = skynet.packstring(...)
		sender = wait_for_sender(node, address)
		local msg, sz = repack(packed)
		return skynet.call(sender, "lua", "req", address, msg, sz, self.ticks)
	end
	local msg, sz = skynet.pack(...)
	return skynet.call(sender, "lua", "req", address, msg, sz, self.ticks)
end

--- An object whose `call` has a deadline, whatever the config's cluster_timeout says: cluster.within(300):call(node, ...).
---@param ticks integer  1/100 s; 0: no deadline
---@return skynet.cluster.within
function cluster.within(ticks)
	if type(ticks) ~= "number" or ticks < 0 or ticks > 2147483647 then
		error("cluster.within: a number of 1/100 s expected, got " .. tostring(ticks), 2)
	end
	return setmetatable({ ticks = math.ceil(ticks) }, within)
end

---@class skynet.cluster.error
---@field delivered "no"|"maybe"|"yes"  whether the request has reached the service: "yes" is an error that the other node answered
---@field node string
---@field host string      "host:port", or "no address"
---@field address string   the service: ":handle" or its name
---@field cause string

local DELIVERED = { ["not delivered"] = "no", ["maybe delivered"] = "maybe", answered = "yes" }

--- What an error that cluster.call has raised means; nil for other errors.
---@param err any
---@return skynet.cluster.error?
function cluster.error(err)
	local how, node, host, address, cause =
		tostring(err):match "call failed: (%a[%a ]-): node (.-) at (.-), address (.-): ([^\n]*)"
	local delivered = how and DELIVERED[how]
	if not delivered then return nil end
	if cause:find("^not delivered: ") then delivered = "no" end -- a node that is about to end refuses requests
	return { delivered = delivered, node = node, host = host, address = address, cause = cause }
end

--- Listens for other nodes: at the address of an own entry of the node table, or on a port of all interfaces.
---@async
---@param port string|integer  0: any port that is free
---@param maxclient? integer  connections beyond it are closed at once (1024)
---@return string name  "0.0.0.0" for a port
---@return integer? port
function cluster.open(port, maxclient)
	if maxclient ~= nil then
		maxclient = tonumber(maxclient) or error("cluster.open: the number of clients is none: " .. tostring(maxclient), 2)
	end
	if type(port) == "string" then return skynet.call(clusterd, "lua", "listen", port, nil, maxclient) end
	if type(port) ~= "number" or not (port >= 0 and port <= 65535) or port % 1 ~= 0 then
		error("cluster.open: the name of a node or a port expected, got " .. tostring(port), 2)
	end
	return skynet.call(clusterd, "lua", "listen", "0.0.0.0", port, maxclient)
end

--- All nodes that are known, from the node table and from discovery, by name.
---@async
---@return skynet.cluster.member[]
function cluster.nodes()
	return members.all(clusterd)
end

--- Tells of the nodes that are there, and then of each that comes and goes: f("join", node), f("drain", node) when it is
--- about to end, f("leave", node).
---@async
---@param f fun(event: "join"|"drain"|"leave", node: skynet.cluster.member)
function cluster.watch(f)
	members.watch(clusterd, f)
end

--- Takes over a table of nodes; without one, reads the file that the config names again.
---@async
---@param config? table<string, any>
function cluster.reload(config)
	if config and type(config) ~= "table" then error("cluster.reload: a table of nodes expected, got " .. tostring(config), 2) end
	skynet.call(clusterd, "lua", "reload", config)
end

--- The handle of a local service that passes its messages on to a service of another node.
---@async
---@param node string
---@param name? string|integer  nil: `node` is "node.name" or "node@name"
---@return integer
function cluster.proxy(node, name)
	if name ~= nil then name = address_of(name) end
	return skynet.call(clusterd, "lua", "proxy", node_of(node), name)
end

--- A snax service of another node, as an object.
---@async
---@param node string
---@param name string
---@param address? integer|string  nil: the unique service of that name
---@return skynet.snax.object
function cluster.snax(node, name, address)
	local snax = require "skynet.snax"
	if not address then address = cluster.call(node, ".service", "QUERY", "snaxd", name) end
	return snax.bind(cluster.proxy(node, address), name)
end

--- Publishes a service under a name that other nodes call as "@name".
---@async
---@param name string
---@param address? integer  nil: this service
function cluster.register(name, address)
	assert(type(name) == "string")
	assert(address == nil or type(address) == "number")
	skynet.call(clusterd, "lua", "register", name, address or skynet.self())
end

---@async
---@param name string
function cluster.unregister(name)
	assert(type(name) == "string")
	skynet.call(clusterd, "lua", "unregister", name)
end

--- The handle that has a name at another node. Raises when nobody has it.
---@async
---@param node string
---@param name string
---@return integer
function cluster.query(node, name)
	return cluster.call(node, 0, name)
end

--- The local service that sends to a node; nil for a node without an address.
---@async
---@param node string
---@return integer?
function cluster.get_sender(node)
	return (skynet.call(clusterd, "lua", "sender", node))
end

return cluster
