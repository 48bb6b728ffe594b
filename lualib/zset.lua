--- A sorted set: members (strings) with scores (numbers), in the order of score, then of the member's bytes.
--- Ranks count from 1, the lowest score first.
local skiplist = require "skiplist.c"

---@class zset
---@field private list userdata  the members in order
---@field private scores table<string, number>
local zset = {}
zset.__index = zset

---@return zset
function zset.new()
	return setmetatable({ list = skiplist(), scores = {} }, zset)
end

--- Adds a member, or gives it another score.
---@param score number
---@param member string
function zset:add(score, member)
	local old = self.scores[member]
	if old and old == score then return end
	if score ~= score then error("zset:add: the score is not a number that can be ordered", 2) end
	self.list:insert(score, member) -- raises for a wrong argument, before anything has changed
	if old then self.list:delete(old, member) end
	self.scores[member] = score
end

--- Removes a member; nothing happens when there is none.
---@param member string
function zset:rem(member)
	local score = self.scores[member]
	if not score then return end
	self.list:delete(score, member)
	self.scores[member] = nil
end

---@return integer
function zset:count()
	return self.list:get_count()
end

---@param member string
---@return number? score
function zset:score(member)
	return self.scores[member]
end

---@param member string
---@return integer? rank  1 has the lowest score
function zset:rank(member)
	local score = self.scores[member]
	return score and self.list:get_rank(score, member)
end

---@param member string
---@return integer? rank  1 has the highest score
function zset:rev_rank(member)
	local rank = self:rank(member)
	return rank and self:count() - rank + 1
end

--- The members of a range of ranks, cut at the ends; downwards when r1 > r2.
---@param r1 integer  below 1 counts as 1
---@param r2 integer
---@return string[]
function zset:range(r1, r2)
	return self.list:get_rank_range(math.max(r1, 1), math.max(r2, 1))
end

--- The same with ranks that count from the highest score.
---@param r1 integer
---@param r2 integer
---@return string[]
function zset:rev_range(r1, r2)
	local top = self:count() + 1
	if r1 >= top and r2 >= top then return {} end
	return self:range(top - math.max(r1, 1), top - math.max(r2, 1))
end

--- The members with scores from s1 to s2, both included; downwards when s1 > s2.
---@param s1 number
---@param s2 number
---@return string[]
function zset:range_by_score(s1, s2)
	return self.list:get_score_range(s1, s2)
end

---@param rank integer
---@return string? member
function zset:member_by_rank(rank)
	return (self.list:get_member_by_rank(rank))
end

---@param rank integer  1 has the highest score
---@return string? member
function zset:member_by_rev_rank(rank)
	return self:member_by_rank(self:count() - rank + 1)
end

local function remove_ranks(self, first, last, f)
	return self.list:delete_by_rank(first, last, function(member)
		self.scores[member] = nil
		if f then f(member) end
	end)
end

--- Keeps the n lowest.
---@param n integer
---@param f? fun(member: string)  called for each member that goes, the lowest first
---@return integer removed
function zset:limit(n, f)
	local count = self:count()
	if n >= count then return 0 end
	return remove_ranks(self, math.max(n, 0) + 1, count, f)
end

--- Keeps the n highest.
---@param n integer
---@param f? fun(member: string)  called for each member that goes, the lowest first
---@return integer removed
function zset:rev_limit(n, f)
	local count = self:count()
	if n >= count then return 0 end
	return remove_ranks(self, 1, count - math.max(n, 0), f)
end

--- Prints the list, node by node.
function zset:dump()
	self.list:dump()
end

return zset
