--- What a service knows of the nodes of the cluster: a copy of clusterd's list that follows its changes.
local skynet = require "skynet"
local choice = require "skynet.cluster.choice"
local engine = require "skynet.engine"

---@class skynet.cluster.member
---@field name string
---@field address string   "host:port"
---@field role? string
---@field state "up"|"draining"

local members = {}

local clusterd ---@type integer?
local list = {} ---@type skynet.cluster.member[]  in the order of their names
local of_role = {} ---@type table<string, string[]>  role -> the names of those that are up
local version ---@type integer?  of the list; nil: nothing is known yet
local first ---@type table[]?   tokens of those who wait for the first list
local watchers = {} ---@type fun(event: string, node: skynet.cluster.member)[]
local turns = choice.turns()

-- The events that lead from one list to the next.
local function differences(old, new)
	local events, before = {}, {}
	for _, node in ipairs(old) do before[node.name] = node end
	for _, node in ipairs(new) do
		local known = before[node.name]
		before[node.name] = nil
		if known and known.address ~= node.address then
			table.insert(events, { "leave", known })
			known = nil
		end
		if not known then table.insert(events, { "join", node }) end
		if node.state == "draining" and not (known and known.state == "draining") then table.insert(events, { "drain", node }) end
	end
	for _, node in ipairs(old) do
		if before[node.name] then table.insert(events, { "leave", node }) end
	end
	return events
end

local function tell(f, events)
	for _, event in ipairs(events) do
		local ok, err = xpcall(f, debug.traceback, event[1], event[2])
		if not ok then skynet.error("cluster.watch: " .. tostring(err)) end
	end
end

local function take(new_version, new)
	local events = differences(list, new)
	list, version = new, new_version
	of_role = {}
	for _, node in ipairs(list) do
		if node.role and node.state == "up" then
			local names = of_role[node.role] or {}
			of_role[node.role] = names
			names[#names + 1] = node.name
		end
	end
	for _, f in ipairs(watchers) do skynet.fork(tell, f, events) end
end

local function follow()
	while true do
		local ok, new_version, new = pcall(skynet.call, clusterd, "lua", "members", version)
		if not ok then return end -- the node ends
		take(new_version, new)
		local tokens = first
		first = nil
		for _, token in ipairs(tokens or {}) do skynet.wakeup(token) end
	end
end

-- Begins to follow the list with the first need for it, and waits for the first one.
local function know(the_clusterd)
	if version then return end
	local token = {}
	if not clusterd then
		clusterd = the_clusterd
		first = {}
		skynet.fork(follow)
	end
	table.insert(first, token)
	skynet.wait(token)
end

--- Whether the functions below return without waiting.
---@return boolean
function members.are_known()
	return version ~= nil
end

--- All nodes that are known, by name.
---@async
---@param the_clusterd integer
---@return skynet.cluster.member[]  the caller's own
function members.all(the_clusterd)
	know(the_clusterd)
	local copy = {} ---@type skynet.cluster.member[]
	for i, node in ipairs(list) do
		copy[i] = { name = node.name, address = node.address, role = node.role, state = node.state }
	end
	return copy
end

--- Calls f("join" | "drain" | "leave", node) for each node that is there, and from then on for each change.
---@async
---@param the_clusterd integer
---@param f fun(event: string, node: skynet.cluster.member)
function members.watch(the_clusterd, f)
	know(the_clusterd)
	table.insert(watchers, f)
	tell(f, differences({}, list))
end

--- The role and the key of a name that means many nodes, "role/*" or "role/#key"; nil for the name of a node.
---@param name string
---@return string? role
---@return string? key  nil: any node of the role
function members.pattern(name)
	local role, rest = name:match "^(.-)/(.+)$"
	if rest == "*" then return role end
	if rest and rest:byte() == 35 then return role, rest:sub(2) end
	return nil
end

--- A node for "role/*" or "role/#key". Raises when no node of the role is up.
---@async
---@param the_clusterd integer
---@param role string
---@param key? string
---@param address any  of the service, for the error
---@return string name
function members.pick(the_clusterd, role, key, address)
	know(the_clusterd)
	local names = of_role[role] or {}
	local name
	if key then name = choice.by_key(names, key) else name = turns:next(role, names) end
	if name then return name end
	local service = type(address) == "number" and skynet.address(address) or tostring(address)
	error(string.format("call failed: not delivered: node %s at no address, address %s: no node of the role %s is up",
		role .. (key and "/#" .. key or "/*"), service, role), 0)
end

--- The names of all nodes of a role that are up.
---@async
---@param the_clusterd integer
---@param role string
---@return string[]
function members.of_role(the_clusterd, role)
	know(the_clusterd)
	return { engine.unpack(of_role[role] or {}) }
end

return members
