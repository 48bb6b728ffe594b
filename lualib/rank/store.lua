--- What becomes of a ranking in the database: a collection of documents {uid, score, info}, written behind.
---
--- A change marks its player. One task writes what is marked, as it is then, in batches: what changes while a batch is
--- under way goes with the next one, so a player that changes often is written once a batch. A player that the
--- database refuses is tried again later, and the others of his batch are written without him. A batch that fails
--- altogether is tried again, at first player by player: perhaps there is one that cannot even be sent.
local skynet = require "skynet"
local info = require "rank.info"
local printable = require "printable"

local MAX_BATCH = 250   -- players: encoding them keeps the ranking from answering for less than a millisecond
local READ_BATCH = 1000 -- documents
local RETRY_TIME = 100  -- 1/100 s between two tries
local SLOW_TIME = 500   -- 1/100 s after which a write that is not answered counts as failed
local MAX_MARKED = 200000
local MAX_SCORE = 2 ^ 53

---@class rank.store
---@field private collection table
---@field private rankid string
---@field private ranking rank.ranking
---@field private marked table<string, true>
---@field private order table<integer, string>  the marked players, from `first` to `last`, the longest marked one first
---@field private first integer
---@field private last integer
---@field private batch integer  how many players the next batch may have
---@field private writing boolean
---@field private begun integer   when the batch was sent that is under way
---@field private failing boolean  the last batch failed
---@field private refused table<string, true>  whom the database did not take when last asked
---@field private waiting table[]  tokens of flush()
local store = {}
store.__index = store

---@param database table  of skynet.db.mongo
---@param rankid string  the name of the collection
---@return rank.store
function store.new(database, rankid)
	return setmetatable({
		collection = database:getCollection(rankid),
		rankid = rankid,
		marked = {},
		order = {},
		first = 1,
		last = 0,
		batch = MAX_BATCH,
		writing = false,
		begun = 0,
		failing = false,
		refused = {},
		waiting = {},
	}, store)
end

local function is_score(value)
	return type(value) == "number" and value == value and value >= -MAX_SCORE and value <= MAX_SCORE
end

--- Reads all players into a ranking, whose changes are written from now on.
---@async
---@param ranking rank.ranking
function store:load(ranking)
	self.ranking = ranking
	local reply = self.collection:createIndex { { uid = 1 }, unique = true }
	if reply.ok ~= 1 then error("the unique index on uid: " .. tostring(reply.errmsg), 0) end
	local skipped = 0
	local function dropped(uid) self:mark(uid) end
	local cursor = self.collection:find({}, { _id = false }):batchSize(READ_BATCH)
	while cursor:hasNext() do
		local document = cursor:next()
		if type(document.uid) == "string" and is_score(document.score) then
			ranking:update(document.uid, document.score, info.load(document), dropped)
		else
			skipped = skipped + 1
		end
	end
	if skipped > 0 then
		skynet.error(string.format("rank %s: %d documents have no uid or no score, and do not count", printable(self.rankid), skipped))
	end
end

local function note(self, uid)
	if self.marked[uid] then return end
	self.marked[uid] = true
	self.last = self.last + 1
	self.order[self.last] = uid
end

-- What a batch has to say: `q` of each change names its player.
local function next_batch(self)
	local updates, deletes = {}, {}
	while self.first <= self.last and #updates + #deletes < self.batch do
		local uid = self.order[self.first]
		self.order[self.first], self.marked[uid] = nil, nil
		self.first = self.first + 1
		local score, text = self.ranking:player(uid)
		if score then
			local document = { uid = uid, score = score }
			if text then info.store(document, text) end
			updates[#updates + 1] = { q = { uid = uid }, u = document, upsert = true }
		else
			deletes[#deletes + 1] = { q = { uid = uid }, limit = 0 }
		end
	end
	return updates, deletes
end

-- Sends one kind of changes. Raises when they failed altogether; the players that were refused by themselves are noted.
local function send(self, name, key, changes)
	if #changes == 0 then return end
	local database = self.collection.database
	local reply = database:runCommand(name, self.rankid, key, changes, "ordered", false)
	local failed = reply.writeConcernError or reply.ok ~= 1 and reply
	if failed then error(failed.errmsg or "refused", 0) end
	local again, first = {}, nil -- first: of those that it took before
	for i, refusal in ipairs(reply.writeErrors or {}) do
		again[i] = changes[refusal.index + 1].q.uid
		if not self.refused[again[i]] then first = first or refusal end
	end
	for _, change in ipairs(changes) do self.refused[change.q.uid] = nil end
	for _, uid in ipairs(again) do self.refused[uid] = true end
	if first then
		skynet.error(string.format("rank %s: the database refuses %d players, trying on; %s: %s", printable(self.rankid),
			#again, printable(changes[first.index + 1].q.uid), printable(tostring(first.errmsg))))
	end
	if #again > 0 then
		skynet.timeout(RETRY_TIME, function()
			for _, uid in ipairs(again) do self:mark(uid) end
		end)
	end
end

local function write(self, updates, deletes)
	send(self, "update", "updates", updates)
	send(self, "delete", "deletes", deletes)
end

local function note_again(self, changes)
	for _, change in ipairs(changes) do note(self, change.q.uid) end
end

local function write_marked(self)
	while self.first <= self.last do
		local updates, deletes = next_batch(self)
		self.begun = skynet.now()
		local ok, err = pcall(write, self, updates, deletes)
		if not ok then
			note_again(self, updates)
			note_again(self, deletes)
			if not self.failing then
				skynet.error(string.format("rank %s: the database takes no changes, trying on: %s", printable(self.rankid), printable(tostring(err))))
			end
			self.failing, self.batch = true, 1
			skynet.sleep(RETRY_TIME)
		else
			if self.failing then
				skynet.error(string.format("rank %s: the database takes changes again", printable(self.rankid)))
			end
			self.failing, self.batch = false, math.min(2 * self.batch, MAX_BATCH)
		end
	end
	self.writing = false
	for _, token in ipairs(self.waiting) do skynet.wakeup(token) end
	self.waiting = {}
end

--- Has a player written as he is when his turn comes, or removed when he is not in the ranking by then.
---@param uid string
function store:mark(uid)
	note(self, uid)
	if self.writing then return end
	self.writing = true
	self.begun = skynet.now()
	skynet.fork(write_marked, self)
end

--- Whether the database takes changes of a player.
---@param uid string
---@return boolean
function store:works(uid)
	return not self.failing and not self.refused[uid] and not (self.writing and skynet.now() - self.begun > SLOW_TIME)
end

--- Whether so many changes wait that no more are to be made.
---@return boolean
function store:full()
	return self.last - self.first + 1 >= MAX_MARKED
end

--- Waits until all changes so far, and those that come meanwhile, are in the database, or refused by it.
---@async
function store:flush()
	if not self.writing then return end
	local token = {}
	self.waiting[#self.waiting + 1] = token
	skynet.wait(token)
end

return store
