--- The cluster's names and addresses: which node is where, which service other nodes may call by name, which ports are open.
--- It starts a clustersender for each node that is called and a clusteragent for each connection that comes in.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local core = require "skynet.core"
local certificates = require "skynet.cluster.certificates"
local directory = require "skynet.cluster.directory"
local link = require "skynet.cluster.link"
local words = require "skynet.words"

local FILE = skynet.getenv "cluster"

local nodes = directory.new()
local senders = {} ---@type table<string, integer>
local starting = {} ---@type table<string, table[]>  node -> tokens of those who wait until its sender is there
local proxies = {} ---@type table<string, integer|table>  key -> handle, or the tokens of those who wait for it
local agents = {} ---@type table<integer, true>
local refusing = false -- the node is about to end
local command = {}

-- What a command returns when its answer comes later.
local LATER = {}

-- ---- where the nodes are ------------------------------------------------------------------------

local version = 1 -- of the list of nodes
local waiting = {} ---@type function[]  those who wait for the next version

local function list_has_changed()
	version = version + 1
	local answers = waiting
	waiting = {}
	for _, answer in ipairs(answers) do answer(true, version, nodes:members()) end
end

-- What the sender of a node is told. `before`: the place that it had.
local function tell(name, before)
	local sender = senders[name]
	if not sender then return end
	local place, why = nodes:place(name)
	if place then
		skynet.send(sender, "lua", "changenode", place.host, place.port)
	elseif place == false or why then
		skynet.send(sender, "lua", before and before.draining and "retire" or "absent", why)
	elseif nodes.nowaiting then
		skynet.send(sender, "lua", "absent", "the node table does not have it")
	else
		skynet.send(sender, "lua", "changenode")
	end
end

local function tell_all(changed)
	for name, before in pairs(changed) do
		local place = nodes:place(name)
		if senders[name] and place and not before then
			skynet.error(string.format("Cluster node [%s] resolved : %s", name, directory.text(place)))
		end
		tell(name, before)
	end
	list_has_changed()
end

local function take_over(config)
	local changed, options = nodes:take_table(config)
	for name, value in pairs(options) do
		skynet.error(string.format("Config %s = %s", name, value))
	end
	local nowaiting = nodes.nowaiting
	if options.nowaiting ~= nil then nodes.nowaiting = options.nowaiting and true or false end
	if next(changed) ~= nil then tell_all(changed) end
	if nowaiting == nodes.nowaiting then return end
	for name in pairs(senders) do
		if nodes:place(name) == nil then tell(name) end
	end
end

local function read_file()
	local config = {}
	local file = assert(io.open(FILE, "rb"))
	local source = file:read "*a"
	file:close()
	local chunk
	local setfenv = rawget(_G, "setfenv")
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

--- All nodes that a source of discovery has found: it replaces what the source has said before.
---@param source string
---@param list skynet.cluster.member[]
---@param reasons? table<string, string>  why nodes are not there any more
function command.found(source, list, reasons)
	local changed, wrong = nodes:take_found(source, list, reasons)
	for _, text in ipairs(wrong) do skynet.error(text) end
	tell_all(changed)
end

--- The list of nodes and its version, once it is another one than the caller has.
function command.members(known)
	if known ~= version then return version, nodes:members() end
	table.insert(waiting, skynet.response())
	return LATER
end

-- ---- to other nodes -----------------------------------------------------------------------------

--- The sender of a node, also of one that has no address yet: requests wait there.
function command.link(name)
	if senders[name] and link.lives(senders[name]) then return senders[name] end
	senders[name] = nil
	directory.check_name(name)
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
		local place, why = nodes:place(name)
		if place == nil and not why and not nodes.nowaiting then skynet.error(string.format("Waiting for cluster node [%s]", name)) end
		tell(name)
	end
	for _, token in ipairs(tokens) do skynet.wakeup(token) end
	if not ok then error(sender, 0) end
	return sender
end

--- The sender of a node that has an address; nil for others.
function command.sender(name)
	return nodes:place(name) and command.link(name) or nil
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
	if type(known) == "number" then
		if link.lives(known) then return known end
		known = nil
	end
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
		return skynet.newservice("clusterproxy", words.quote(name), word, command.link(name), skynet.self())
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
	local ok, agent = pcall(skynet.newservice, "clusteragent", fd, peer)
	if ok and agent then
		agents[agent] = true
		if refusing then skynet.send(agent, "lua", "refuse") end
		pcall(skynet.call, agent, "debug", "LINK") -- until it ends, with its connection or killed
		agents[agent] = nil
	else
		socket.close_fd(fd)
	end
	listener.count = listener.count - 1
end

function command.listen(host, port, maxclient)
	local name = host
	if not port then
		local place = nodes:place(host)
		if not place then error("cluster: node " .. host .. " has no address to listen at", 0) end
		host, port = place.host, place.port
	end
	local listener = { count = 0, max = maxclient or 1024 }
	local id, bound_host, bound_port = socket.listen(host, port)
	socket.start(id, function(fd, peer) accept(listener, fd, peer) end)
	if name == "0.0.0.0" then return bound_host or host, bound_port or port end
	return name, nil
end

--- The node is about to end: other nodes are told that new requests are not delivered.
function command.refuse()
	refusing = true
	for agent in pairs(agents) do pcall(skynet.call, agent, "lua", "refuse") end
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
		if session ~= 0 and (...) ~= LATER then skynet.retpack(...) end
		return
	end
	local err = tostring((...))
	skynet.error(err)
	if session == 0 then return end
	skynet.ignoreret()
	core.send(source, skynet.PTYPE_ERROR, session, err)
end

-- The links read it; what is no size is told before there is one.
local function check_compress()
	local text = skynet.getenv "cluster_compress"
	local bytes = tonumber(text or 0)
	if bytes and bytes >= 0 and bytes <= 32768 and bytes % 1 == 0 then return end
	error(string.format("cluster_compress is a number of bytes from 0 to 32768, not %s", text), 0)
end

-- From the core: SIGHUP.
skynet.register_protocol {
	name = "system",
	id = skynet.PTYPE_SYSTEM,
	unpack = skynet.tostring,
	dispatch = function(_, source, text)
		if source == 0 and text == "HANGUP" then certificates.reload() end
	end,
}

skynet.start(function()
	check_compress()
	certificates.load()
	skynet.register ".clusterd" -- for the console, which does not start it
	if FILE then take_over(read_file()) end
	skynet.dispatch("lua", function(session, source, name, ...)
		local f = command[name] or error("clusterd: unknown command " .. tostring(name))
		answer(session, source, pcall(f, ...))
	end)
end)
