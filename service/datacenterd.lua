--- The service DATACENTER: a tree of values, and those who wait for one.
local skynet = require "skynet"

local tree = {}

---@class datacenterd.node  the waiters at one place of the tree; the place itself holds nothing yet
---@field answers? function[]
---@field children? table<any, datacenterd.node>

local waiters = {} ---@type datacenterd.node

local function query(...)
	local n = select("#", ...)
	if n == 0 then return nil end
	local value = tree
	for i = 1, n do
		local key = select(i, ...)
		if value == nil or key == nil then return nil end
		if type(value) ~= "table" then error(tostring((select(i - 1, ...))) .. " is a leaf") end
		value = value[key]
	end
	return value
end

local function answer_all(node, ...)
	local answers = node.answers
	node.answers = nil
	for _, answer in ipairs(answers or {}) do answer(...) end
end

-- Drops what is empty on the way to a place: what was once waited for would add up.
local function prune(path, depth)
	local way, node = {}, waiters
	for i = 1, depth do
		way[i] = node
		node = node.children and node.children[path[i]]
		if not node then return end
	end
	for i = depth, 1, -1 do
		if node.answers or (node.children and next(node.children) ~= nil) then return end
		node = way[i]
		node.children[path[i]] = nil
	end
end

local command = {}

function command.QUERY(...)
	skynet.retpack(query(...))
end

-- Keys, and the value last.
function command.UPDATE(...)
	local n = select("#", ...)
	if n < 2 then error "UPDATE: a key and a value are wanted" end
	local path = { ... }
	local value = path[n]
	local branch, node = tree, waiters ---@type table, datacenterd.node?
	for i = 1, n - 1 do
		local key = path[i]
		if key == nil then error "UPDATE: a key is nil" end
		if type(branch) ~= "table" then error(tostring(path[i - 1]) .. " is a leaf") end
		node = node and node.children and node.children[key]
		if i < n - 1 then
			if branch[key] == nil then
				branch[key] = {}
				-- Who waits here waits for a leaf.
				if node then
					answer_all(node, false)
					prune(path, i)
				end
			end
			branch = branch[key]
		end
	end
	local key = path[n - 1]
	local old = branch[key]
	branch[key] = value
	if node and value ~= nil then
		answer_all(node, true, value)
		prune(path, n - 1)
	end
	skynet.retpack(old)
end

function command.WAIT(...)
	local n = select("#", ...)
	if n == 0 then error "WAIT: a key is wanted" end
	local value = query(...)
	if value ~= nil then
		skynet.retpack(value)
		return
	end
	local node = waiters
	for i = 1, n do
		local key = select(i, ...)
		if key == nil then error "WAIT: a key is nil" end
		node.children = node.children or {}
		node.children[key] = node.children[key] or {}
		node = node.children[key]
	end
	-- Waiters that have died meanwhile make room.
	local answers = {}
	for _, answer in ipairs(node.answers or {}) do
		if answer "TEST" then answers[#answers + 1] = answer end
	end
	answers[#answers + 1] = skynet.response()
	node.answers = answers
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		local f = command[name]
		if not f then error("Unknown command " .. tostring(name)) end
		f(...)
	end)
end)
