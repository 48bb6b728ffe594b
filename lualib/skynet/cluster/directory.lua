--- Which node of the cluster is where: the table of nodes (a file, or `cluster.reload`) and what discovery has found. An
--- entry of the table wins. No I/O.
local directory = {}

---@class skynet.cluster.place
---@field host string
---@field port integer
---@field draining? boolean  discovery says that it is about to end

---@class skynet.cluster.directory
---@field nowaiting boolean  requests to unknown nodes fail at once
---@field private listed table<string, skynet.cluster.place|false>  the table of nodes
---@field private found table<string, table<string, skynet.cluster.member>>  source -> name -> node
---@field private left table<string, string>  name -> why discovery has lost it
local methods = {}
methods.__index = methods

---@return skynet.cluster.directory
function directory.new()
	return setmetatable({ nowaiting = false, listed = {}, found = {}, left = {} }, methods)
end

--- Raises for what cannot be the name of a node.
---@param name any
function directory.check_name(name)
	if type(name) ~= "string" then error("cluster: the name of a node is a string, not a " .. type(name), 0) end
	if name == "" then error("cluster: the name of a node is empty", 0) end
	if name:find("\0", 1, true) then error(string.format("cluster: the name of node %q has a zero byte in it", name), 0) end
end

--- The place that an entry of the table of nodes names; false for false. Raises for anything else.
---@param name string
---@param address any
---@return skynet.cluster.place|false
function directory.parse(name, address)
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

local function same(a, b)
	if not a or not b then return a == b end
	return a.host == b.host and a.port == b.port
end

--- A place as "host:port".
---@param place skynet.cluster.place
---@return string
function directory.text(place)
	return string.format(place.host:find(":", 1, true) and "[%s]:%d" or "%s:%d", place.host, place.port)
end

--- Takes over a table of nodes as a whole, or raises and changes nothing.
---@param config table<string, any>
---@return table<string, any> changed  name -> what was known of it before, false for nothing
---@return table<string, any> options  the entries whose names begin with "__", without that
function methods:take_table(config)
	local places, options, changed = {}, {}, {}
	for name, value in pairs(config) do
		directory.check_name(name)
		if name:sub(1, 2) == "__" then
			options[name:sub(3)] = value
		else
			local place = directory.parse(name, value)
			if not same(place, self.listed[name]) then places[name] = place end
		end
	end
	for name, place in pairs(places) do
		changed[name] = self:place(name) or false
		self.listed[name] = place
	end
	return changed, options
end

--- Takes over all nodes that one source of discovery knows. Those with an address that is none are left out.
---@param source string
---@param nodes skynet.cluster.member[]
---@param reasons? table<string, string>  why nodes are not there any more
---@return table<string, any> changed  as above
---@return string[] wrong  what is wrong with those that were left out
function methods:take_found(source, nodes, reasons)
	local old, new = self.found[source] or {}, {}
	local changed, wrong, names = {}, {}, {}
	for _, node in ipairs(nodes) do
		local ok, place = pcall(directory.parse, node.name, node.address)
		if ok and place then
			new[node.name] = { name = node.name, address = node.address, role = node.role, state = node.state, place = place }
			place.draining = node.state == "draining"
		else
			wrong[#wrong + 1] = tostring(place)
		end
		names[node.name] = true
	end
	for name in pairs(old) do names[name] = true end
	local before = {}
	for name in pairs(names) do before[name] = self:place(name) or false end
	self.found[source] = new
	for name, known in pairs(before) do
		if new[name] then
			self.left[name] = nil
		elseif old[name] then
			self.left[name] = reasons and reasons[name] or "it has left the cluster"
		end
		if not same(known, self:place(name) or false) then changed[name] = known end
	end
	return changed, wrong
end

--- Where a node is.
---@param name string
---@return skynet.cluster.place|false|nil  false: it is down; nil: not known
---@return string? why  it is not there, if it has been
function methods:place(name)
	local listed = self.listed[name]
	if listed ~= nil then return listed, listed == false and "the node table says that it is down" or nil end
	for _, nodes in pairs(self.found) do
		if nodes[name] then return nodes[name].place end
	end
	return nil, self.left[name]
end

--- All nodes that have an address.
---@return skynet.cluster.member[]  by name
function methods:members()
	local list = {}
	for name, place in pairs(self.listed) do
		if place then list[#list + 1] = { name = name, address = directory.text(place), state = "up" } end
	end
	local seen = {}
	for _, nodes in pairs(self.found) do
		for name, node in pairs(nodes) do
			if self.listed[name] == nil and not seen[name] then
				seen[name] = true
				list[#list + 1] = { name = name, address = node.address, role = node.role, state = node.state }
			end
		end
	end
	table.sort(list, function(a, b) return a.name < b.name end)
	return list
end

return directory
