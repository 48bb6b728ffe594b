--- Which node of a role takes a call: in turn, or always the same one for a key. No I/O.
local crypt = require "skynet.crypt"

local choice = {}

--- The node of a key by rendezvous hashing: each node's name is hashed with the key, and the highest hash has it. When a
--- node goes, only its own keys move, spread over all others; when one comes, it takes its share from all.
---@param names string[]
---@param key string
---@return string? name  nil: there are no names
function choice.by_key(names, key)
	local best, highest
	for _, name in ipairs(names) do
		local hash = crypt.sha1(name .. "\0" .. key)
		if not highest or hash > highest then best, highest = name, hash end
	end
	return best
end

---@class skynet.cluster.turns
---@field private last table<string, integer>  role -> the place of the last one
local turns = {}
turns.__index = turns

--- Takes the nodes of each role in turn. The first one is drawn, so that services that start together do not all begin
--- with the same node.
---@return skynet.cluster.turns
function choice.turns()
	return setmetatable({ last = {} }, turns)
end

---@param role string
---@param names string[]
---@return string? name  nil: there are no names
function turns:next(role, names)
	if #names == 0 then return nil end
	local place = (self.last[role] or math.random(#names)) % #names + 1
	self.last[role] = place
	return names[place]
end

return choice
