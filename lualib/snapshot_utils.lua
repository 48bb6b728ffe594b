--- Makes trees of what the native `snapshot` function lists flat.
local snapshot_utils = {}

local MAX_LEVELS = 24 -- a message nests 32 tables

---@class snapshot.node  its children are further fields, by their `key`
---@field val_type "table"|"func"|"thread"|"userdata"
---@field parent string  address of the first object that refers to it, in hex
---@field extra string  how the parents refer to it
---@field key string  the word before the first " :" in `extra`, else all of it

local function address_of(object)
	return tostring(object):match "0x(%x+)"
end

local function val_type(text)
	if text:find "^table" then return "table" end
	if text:find "^func:" then return "func" end
	if text:find "^thread:" then return "thread" end
	return "userdata"
end

local function parse(text)
	local parent, rest = text:match "0x(%x+) : (.*)$"
	local extra = (rest or ""):match "^%s*(.-)%s*$"
	return {
		val_type = val_type(text),
		parent = parent or "0", -- the registry has none
		extra = extra,
		key = extra:match "(%S+) :" or extra,
	}
end

-- How many nodes lie above each one. A ring of parents is cut where it is met.
local function levels_of(nodes)
	local levels = {}
	for address in pairs(nodes) do
		local path, on_path = {}, {}
		while nodes[address] and not levels[address] and not on_path[address] do
			path[#path + 1] = address
			on_path[address] = true
			address = nodes[address].parent
		end
		local level = levels[address] or -1
		for i = #path, 1, -1 do
			level = level + 1
			levels[path[i]] = level
		end
	end
	return levels
end

--- Hangs each object under the first object that refers to it, if that one is listed too. What cannot hang there
--- stands at the top: when the name is taken, and from time to time in a long chain, which no message could carry.
---@param objects table<lightuserdata, string>  what `snapshot()` gives, or a part of it
---@return table<string, snapshot.node> forest  by address in hex
function snapshot_utils.construct_indentation(objects)
	local nodes, forest = {}, {}
	for object, text in pairs(objects) do
		nodes[address_of(object)] = parse(text)
	end
	local levels = levels_of(nodes)
	for address, node in pairs(nodes) do
		local parent = nodes[node.parent]
		if parent and levels[address] % MAX_LEVELS ~= 0 and parent[node.key] == nil then
			parent[node.key] = node
		else
			forest[address] = node
		end
	end
	return forest
end

return snapshot_utils
