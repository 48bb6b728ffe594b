--- One ranking in memory: players with a score and an `info`, in order, as many as its capacity allows.
---
--- Ranks count from 1. An ascending ranking has the lowest score first, and equal scores in the order of their uid's
--- bytes; a descending one is exactly the reverse. Lists of players are flat: uid, score, info (false: none), uid, ...
local zset = require "zset"

---@class rank.config
---@field capacity integer  players beyond it are dropped
---@field order "ascending"|"descending"

---@class rank.ranking
---@field private set zset
---@field private infos table<string, string>
---@field private capacity integer
---@field private ascending boolean
local ranking = {}
ranking.__index = ranking

---@param config rank.config
---@return rank.ranking
function ranking.new(config)
	return setmetatable({
		set = zset.new(),
		infos = {},
		capacity = config.capacity,
		ascending = config.order == "ascending",
	}, ranking)
end

-- Drops what is beyond the capacity: the last ones.
local function trim(self, dropped)
	local function drop(uid)
		self.infos[uid] = nil
		dropped(uid)
	end
	if self.ascending then
		self.set:limit(self.capacity, drop)
	else
		self.set:rev_limit(self.capacity, drop)
	end
end

--- Another capacity or order.
---@param config rank.config
---@param dropped fun(uid: string)  called for each player that is beyond the capacity now
function ranking:configure(config, dropped)
	self.capacity = config.capacity
	self.ascending = config.order == "ascending"
	trim(self, dropped)
end

--- Adds a player, or gives him another score and info.
---@param uid string
---@param score number
---@param info? string
---@param dropped fun(uid: string)  called for each player that is beyond the capacity now, perhaps this one
function ranking:update(uid, score, info, dropped)
	self.set:add(score, uid)
	self.infos[uid] = info
	trim(self, dropped)
end

--- Removes a player.
---@param uid string
---@return boolean removed  false: he was not there
function ranking:remove(uid)
	if not self.set:score(uid) then return false end
	self.set:rem(uid)
	self.infos[uid] = nil
	return true
end

---@return integer
function ranking:count()
	return self.set:count()
end

---@param uid string
---@return integer? rank
function ranking:rank(uid)
	if self.ascending then return self.set:rank(uid) end
	return self.set:rev_rank(uid)
end

---@param uid string
---@return number? score
---@return string? info
function ranking:player(uid)
	return self.set:score(uid), self.infos[uid]
end

--- The players of a list that are here, in its order.
---@param uids string[]
---@return any[] players  flat
function ranking:players(uids)
	local list, n = {}, 0
	for _, uid in ipairs(uids) do
		local score = self.set:score(uid)
		if score then
			list[n + 1], list[n + 2], list[n + 3] = uid, score, self.infos[uid] or false
			n = n + 3
		end
	end
	return list
end

--- The players from rank `start` on.
---@param start integer  1 or more
---@param count integer  at most so many
---@return any[] players  flat
function ranking:range(start, count)
	if count < 1 or start > self.set:count() then return {} end
	local range = self.ascending and self.set.range or self.set.rev_range
	return self:players(range(self.set, start, start + count - 1))
end

return ranking
