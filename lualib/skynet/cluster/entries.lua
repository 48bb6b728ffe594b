--- The entries of all nodes as etcd has them, and what changes with them. No I/O.
local entries = {}

---@class skynet.cluster.entries
---@field private nodes table<string, skynet.cluster.member>  those that can be called
---@field private told table<string, skynet.cluster.member>   as they were at the last `changes`
local methods = {}
methods.__index = methods

---@return skynet.cluster.entries
function entries.new()
	return setmetatable({ nodes = {}, told = {} }, methods)
end

--- Takes an entry. One that is unreadable, or of a node that still starts, is as good as none.
---@param name string
---@param value any  { address =, role =, state = }
function methods:put(name, value)
	if type(value) ~= "table" or type(value.address) ~= "string" or value.state == "starting" then
		self.nodes[name] = nil
		return
	end
	self.nodes[name] = {
		name = name,
		address = value.address,
		role = type(value.role) == "string" and value.role or nil,
		state = value.state == "draining" and "draining" or "up",
	}
end

---@param name string
function methods:remove(name)
	self.nodes[name] = nil
end

---@return string[]
function methods:names()
	local list = {}
	for name in pairs(self.nodes) do list[#list + 1] = name end
	return list
end

local function same(a, b)
	return a.address == b.address and a.role == b.role and a.state == b.state
end

--- What has changed since the last call; nil if nothing has.
---@return skynet.cluster.member[]? list   all nodes
---@return table<string, string>? reasons  why nodes are gone
---@return string[]? lines                 what the log says of the changes
function methods:changes()
	local list, reasons, lines, told = {}, {}, {}, {}
	for name, node in pairs(self.nodes) do
		list[#list + 1] = node
		told[name] = node
		local before = self.told[name]
		if not before or before.address ~= node.address then
			table.insert(lines, string.format("node %s has joined, at %s", name, node.address))
		elseif not same(before, node) and node.state == "draining" then
			table.insert(lines, string.format("node %s drains", name))
		end
		if before and same(before, node) then self.told[name] = nil end
	end
	local changed = next(self.told) ~= nil or #lines > 0
	for name, before in pairs(self.told) do
		if not self.nodes[name] then
			reasons[name] = before.state == "draining" and "it has left the cluster" or "it has gone: its lease has ended"
			table.insert(lines, string.format("node %s: %s", name, reasons[name]))
		end
	end
	self.told = told
	if not changed then return nil end
	return list, reasons, lines
end

return entries
