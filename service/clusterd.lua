--- The cluster's names and addresses: which node is where, which service other nodes may call by name, which ports are open.
--- It starts a clustersender for each node that is called and a clusteragent for each connection that comes in.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local core = require "skynet.core"
local link = require "skynet.cluster.link"
local words = require "skynet.words"

local FILE = skynet.getenv "cluster"

local nodes = {} ---@type table<string, { host: string, port: integer }|false>
local nowaiting = false
local senders = {} ---@type table<string, integer>
local starting = {} ---@type table<string, table[]>  node -> tokens of those who wait until its sender is there
local proxies = {} ---@type table<string, integer|table>  key -> handle, or the tokens of those who wait for it
local agents = {} ---@type table<integer, { listener: table }>
local command = {}

local function parse(name, address)
	if address == false then return false end
	if type(address) ~= "string" then
		error(string.format("cluster: the address of node %s is a %s, not \"host:port\" or false", name, type(address)), 0)
	end
	local host, port = address:match "^%[(.+)%]:(%d+)$"
	if not host then host, port = address:match "^([^:]*):(%d+)$" end
	port = tonumber(port)
	if not port or port > 65535 or host == "" then
		error(string.format("cluster: the address of node %s is %q, not \"host:port\"", name, address), 0)
	end
	return { host = host, port = port }
end

-- What the sender of a node is told.
local function tell(name)
	local sender, node = senders[name], nodes[name]
	if not sender then return end
	if node then
		skynet.send(sender, "lua", "changenode", node.host, node.port)
	elseif node == false then
		skynet.send(sender, "lua", "changenode", false)
	elseif nowaiting then
		skynet.send(sender, "lua", "absent", "the node table does not have it")
	else
		skynet.send(sender, "lua", "changenode")
	end
end

local function same(a, b)
	if not a or not b then return a == b end
	return a.host == b.host and a.port == b.port
end

-- Takes over a table as a whole, or raises and changes nothing.
local function take_over(config)
	local changed, options = {}, {}
	for name, value in pairs(config) do
		if type(name) ~= "string" then error("cluster: the name of a node is a string, not a " .. type(name), 0) end
		if name:sub(1, 2) == "__" then
			options[name:sub(3)] = value
		else
			local node = parse(name, value)
			if not same(node, nodes[name]) then changed[name] = node end
		end
	end
	for name, value in pairs(options) do
		skynet.error(string.format("Config %s = %s", name, value))
	end
	local waiting_changes = false
	if options.nowaiting ~= nil then
		waiting_changes = nowaiting ~= (options.nowaiting and true or false)
		nowaiting = options.nowaiting and true or false
	end
	for name, node in pairs(changed) do
		if nodes[name] == nil and senders[name] and node then
			skynet.error(string.format("Cluster node [%s] resolved : %s:%d", name, node.host, node.port))
		end
		nodes[name] = node
		tell(name)
	end
	if not waiting_changes then return end
	for name in pairs(senders) do
		if nodes[name] == nil then tell(name) end
	end
end

local function read_file()
	local config = {}
	local file = assert(io.open(FILE, "rb"))
	local source = file:read "*a"
	file:close()
	local chunk
	if setfenv then
		chunk = assert(loadstring(source, "@" .. FILE))
		setfenv(chunk, config)
	else
		chunk = assert(load(source, "@" .. FILE, "t", config))
	end
	chunk()
	return config
end

function command.reload(config)
	if config then
		take_over(config)
	elseif FILE then
		take_over(read_file())
	end
end

-- ---- to other nodes -----------------------------------------------------------------------------

--- The sender of a node, also of one that has no address yet: requests wait there.
function command.link(name)
	if senders[name] then return senders[name] end
	if starting[name] then
		local token = {}
		table.insert(starting[name], token)
		skynet.wait(token)
		return senders[name] or error("cluster: there is no sender for node " .. name, 0)
	end
	starting[name] = {}
	local ok, sender = pcall(skynet.newservice, "clustersender", words.quote(name))
	local tokens = starting[name]
	starting[name] = nil
	if ok then
		senders[name] = sender
		if nodes[name] == nil and not nowaiting then skynet.error(string.format("Waiting for cluster node [%s]", name)) end
		tell(name)
	end
	for _, token in ipairs(tokens) do skynet.wakeup(token) end
	if not ok then error(sender, 0) end
	return sender
end

--- The sender of a node that has an address; nil for others.
function command.sender(name)
	return nodes[name] and command.link(name) or nil
end

function command.senders()
	return senders
end

function command.proxy(name, address)
	if address == nil then
		local node, service = name:match "^([^.@]*)([.@].+)$"
		if not node then error("cluster: the name of a proxy is node.name or node@name, not " .. name, 0) end
		name, address = node, service
	end
	local key = name .. "\0" .. address
	local known = proxies[key]
	if type(known) == "number" then return known end
	if known then
		local token = {}
		known[#known + 1] = token
		skynet.wait(token)
		return proxies[key] or error("cluster: there is no proxy for node " .. name, 0)
	end
	local tokens = {}
	proxies[key] = tokens
	local ok, proxy = pcall(function()
		local word = type(address) == "number" and address or words.quote(address)
		return skynet.newservice("clusterproxy", words.quote(name), word, command.link(name))
	end)
	proxies[key] = ok and proxy or nil
	for _, token in ipairs(tokens) do skynet.wakeup(token) end
	if not ok then error(proxy, 0) end
	return proxy
end

-- ---- from other nodes ---------------------------------------------------------------------------

local function accept(listener, fd, peer)
	if listener.count >= listener.max then
		socket.close_fd(fd)
		return
	end
	listener.count = listener.count + 1
	local ok, agent = pcall(skynet.newservice, "clusteragent", skynet.self(), fd, peer)
	if ok and agent then
		agents[agent] = listener
	else
		listener.count = listener.count - 1
		socket.close_fd(fd)
	end
end

function command.listen(host, port, maxclient)
	local name = host
	if not port then
		local node = nodes[host]
		if not node then error("cluster: node " .. host .. " has no address to listen at", 0) end
		host, port = node.host, node.port
	end
	local listener = { count = 0, max = maxclient or 1024 }
	local id, bound_host, bound_port = socket.listen(host, port)
	socket.start(id, function(fd, peer) accept(listener, fd, peer) end)
	if name == "0.0.0.0" then return bound_host or host, bound_port or port end
	return name
end

--- An agent says that its connection has ended.
function command.gone(agent)
	local listener = agents[agent]
	agents[agent] = nil
	if listener then listener.count = listener.count - 1 end
end

function command.register(name, handle)
	local done, dropped = link.register(name, handle)
	if not done then error(string.format("cluster: the name %s is in use", name), 0) end
	if dropped then skynet.error(string.format("Unregister [%s] of :%08x", dropped, handle)) end
	skynet.error(string.format("Register [%s] :%08x", name, handle))
end

function command.unregister(name)
	local handle = link.unregister(name)
	if handle then skynet.error(string.format("Unregister [%s] :%08x", name, handle)) end
end

function command.queryname(name)
	return link.find(name:gsub("^@", ""))
end

-- ---- what there is ------------------------------------------------------------------------------

--- All links, for the console: those to other nodes by name, those from other nodes by the peer's address.
function command.links()
	local result = {}
	for name, sender in pairs(senders) do
		local ok, status = pcall(skynet.call, sender, "lua", "status")
		if ok then
			status.node = name
			status.direction = "out"
			result[#result + 1] = status
		end
	end
	for agent in pairs(agents) do
		local ok, status = pcall(skynet.call, agent, "lua", "status")
		if ok then
			status.direction = "in"
			result[#result + 1] = status
		end
	end
	return result
end

-- A failed command tells its caller why: call failed: ERR.
local function answer(session, source, ok, ...)
	if ok then
		if session ~= 0 then skynet.retpack(...) end
		return
	end
	local err = tostring((...))
	skynet.error(err)
	if session == 0 then return end
	skynet.ignoreret()
	core.send(source, skynet.PTYPE_ERROR, session, err)
end

skynet.start(function()
	skynet.register ".clusterd" -- for the console, which does not start it
	if FILE then take_over(read_file()) end
	skynet.dispatch("lua", function(session, source, name, ...)
		local f = command[name] or error("clusterd: unknown command " .. tostring(name))
		answer(session, source, pcall(f, ...))
	end)
end)
