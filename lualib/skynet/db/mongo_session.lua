--- Sessions and transactions of skynet.db.mongo.
---
--- A session is a number that this side invents; the server hears of it with the first command. At any time it has at
--- most one transaction, which begins at the server with its first command: until then nothing has been sent.
local skynet = require "skynet"
local bson = require "bson"
local crypt = require "skynet.crypt"
local codes = require "skynet.db.mongo_codes"
local command = require "skynet.db.mongo_command"

local encode_order, has_label = bson.encode_order, codes.has_label
local unpack = table.unpack or unpack
local running = coroutine.running

local TRANSIENT = "TransientTransactionError"
local UNKNOWN = "UnknownTransactionCommitResult"

local RETRY_TIME = 12000 -- cs that with_transaction tries again
local LONGEST_PAUSE = 50 -- cs between two tries
local MAX_TIME_EXPIRED = 50

---@class skynet.db.mongo.session
---@field id table             the lsid
---@field private client table
---@field private number integer        of the transaction
---@field private state "none"|"starting"|"running"|"committed"|"aborted"
---@field private options table         of the transaction
---@field private begun boolean         the server has heard of the transaction
---@field private failure string|false  what the first command of the transaction that failed has said
---@field private transient boolean     the transaction may be tried again
---@field private ended boolean
---@field private causal boolean        reads see what this session has seen or done before
---@field private seen? string          the time of that at the server, a timestamp
---@field private recovery_token? table by which any router of a cluster finds the transaction
local session = {}
session.__index = session

local function check_open(self)
	if self.ended then error("mongo: the session has ended", 0) end
end

-- ---- for mongo_command ------------------------------------------------------------------------

function session:is_in_transaction()
	return self.state == "starting" or self.state == "running"
end

-- The later one of two timestamps, of which either may be nil.
local function later(a, b)
	if not a or not b then return a or b end
	local _, a_seconds, a_increment = bson.type(a)
	local _, b_seconds, b_increment = bson.type(b)
	if a_seconds ~= b_seconds then return a_seconds > b_seconds and a or b end
	return a_increment > b_increment and a or b
end

--- Takes from a reply what a causal session needs.
function session:note(reply)
	if not self.causal then return end
	self.seen = later(self.seen, reply.operationTime)
	local client, news = self.client, reply["$clusterTime"]
	if not news then return end
	local known = client.__cluster_time
	if not known or later(known.clusterTime, news.clusterTime) ~= known.clusterTime then client.__cluster_time = news end
end

--- The readConcern of a read of this session.
---@param concern? table|false  what it would be without
---@return table|false|nil
function session:read_concern(concern)
	if not self.causal or not self.seen then return concern end
	return { level = concern and concern.level or nil, afterClusterTime = self.seen }
end

--- Adds what makes a command part of this session.
function session:add_to(args, add)
	check_open(self)
	add(args, "lsid", self.id)
	if self.causal and self.client.__cluster_time then add(args, "$clusterTime", self.client.__cluster_time) end
	if not self:is_in_transaction() then return end
	add(args, "txnNumber", bson.int64(self.number))
	add(args, "autocommit", false)
	if self.state == "starting" then
		add(args, "startTransaction", true)
		local concern = self:read_concern(self.options.read_concern)
		if concern then add(args, "readConcern", concern) end
	end
end

--- That a command of the transaction is about to be sent.
function session:sends()
	self.state, self.begun = "running", true
end

--- How a command of the transaction went. The server ends the transaction when a command fails.
function session:heard(ok, reply)
	local good, err = false, nil
	if ok then good, err = command.verdict(reply) else err = tostring(reply) end
	if ok then
		self:note(reply)
		self.recovery_token = reply.recoveryToken or self.recovery_token
	end
	if good then return end
	self.failure = self.failure or err
	if ok then
		self.transient = self.transient or has_label(reply, TRANSIENT)
	elseif not self.client.__set.closed then
		self.transient = self.transient or self.client.__set.primary:is_about_link(reply)
	end
end

-- ---- transactions -----------------------------------------------------------------------------

---@param options? table  read_concern =, write_concern =, max_commit_ms =
function session:start_transaction(options)
	check_open(self)
	if self:is_in_transaction() then error("mongo: the session has a transaction already", 0) end
	self.number = self.number + 1
	self.options = options or {}
	self.state = "starting"
	self.begun, self.failure, self.transient, self.recovery_token = false, false, false, nil
end

local function finish(self, name, write_concern)
	local args = { "lsid", self.id, "txnNumber", bson.int64(self.number), "autocommit", false }
	local function add(key, value)
		if value ~= nil then args[#args + 1], args[#args + 2] = key, value end
	end
	add("writeConcern", write_concern)
	add("recoveryToken", self.recovery_token)
	add("$clusterTime", self.causal and self.client.__cluster_time or nil)
	if name == "commitTransaction" then add("maxTimeMS", self.options.max_commit_ms) end
	local primary = self.client.__set.primary
	local ok, reply = pcall(primary.call, primary, name, encode_order(name, 1, "$db", "admin", unpack(args)))
	if ok then self:note(reply) end
	if ok and codes.NOT_PRIMARY[reply.code] and primary.seeks_primary then primary:search_primary() end
	return ok, reply
end

-- The link failed, or the server, before it was known how the commit ended.
local function is_open_question(ok, reply)
	return not ok or codes.NOT_PRIMARY[reply.code] or has_label(reply, "RetryableWriteError")
end

-- A commit that is sent again must not be acknowledged by less than a majority: the one before may have reached it.
local function majority(concern)
	local copy = { w = "majority", wtimeout = 10000 }
	for key, value in pairs(concern or {}) do
		if key ~= "w" then copy[key] = value end
	end
	return copy
end

local function failed(err, labels)
	return false, err, { ok = 0, errmsg = err, errorLabels = labels }
end

--- Makes what the transaction did visible. When the connection fails meanwhile it asks once more; if the answer stays
--- unknown, the reply has the label UnknownTransactionCommitResult, and this can be called again.
---@async
---@return boolean ok, string? err, table reply
function session:commit_transaction()
	check_open(self)
	local again = self.state == "committed"
	if self.state == "starting" or (again and not self.begun) then
		self.state = "committed"
		return true, nil, { ok = 1 }
	end
	if self.state ~= "running" and not again then error("mongo: the session has no transaction to commit", 0) end
	if self.failure then
		-- The server has ended it: what is left would be half of it.
		local err, transient = self.failure, self.transient
		self:abort_transaction()
		return failed("the transaction had failed: " .. err, transient and { TRANSIENT } or nil)
	end
	self.state = "committed"
	local concern = self.options.write_concern or self.client.__write_concern or nil
	local ok, reply = finish(self, "commitTransaction", again and majority(concern) or concern)
	if is_open_question(ok, reply) then ok, reply = finish(self, "commitTransaction", majority(concern)) end
	if not ok then return failed(tostring(reply), { UNKNOWN }) end
	if is_open_question(ok, reply) and not has_label(reply, UNKNOWN) then
		reply.errorLabels = reply.errorLabels or {}
		table.insert(reply.errorLabels, UNKNOWN)
	end
	return command.verdict(reply)
end

--- Undoes what the transaction did. It does not fail: what the server does not hear of, it undoes by itself after a
--- while.
---@async
function session:abort_transaction()
	check_open(self)
	if not self:is_in_transaction() then error("mongo: the session has no transaction to abort", 0) end
	local sent = self.state == "running"
	self.state = "aborted"
	if not sent then return end
	local ok, reply = finish(self, "abortTransaction", self.options.write_concern or self.client.__write_concern or nil)
	if is_open_question(ok, reply) then finish(self, "abortTransaction") end
end

local function pack(...)
	return { n = select("#", ...), ... }
end

-- Calls f so that the commands of this coroutine belong to the transaction.
local function call_bound(self, f)
	local bound, co = self.client.__bound, running()
	if bound[co] then error("mongo: this coroutine is in a transaction already", 0) end
	bound[co] = self
	local result = pack(pcall(f, self))
	bound[co] = nil
	return result
end

-- → true when it is committed; else whether all has to begin again, and the error
local function commit(self, deadline)
	local pause = 1
	while true do
		local ok, err, reply = self:commit_transaction()
		if ok then return true end
		local late = skynet.now() >= deadline or self.client.__set.closed
		local unknown = has_label(reply, UNKNOWN) and reply.code ~= MAX_TIME_EXPIRED
		if late or not unknown then return false, not late and has_label(reply, TRANSIENT), err end
		skynet.sleep(pause)
		pause = math.min(2 * pause, LONGEST_PAUSE)
	end
end

--- Runs f(session) in a transaction and commits it. The commands of the calling coroutine belong to it. When the
--- server says that it may go well the next time, all is done again, so f must have no other effects; for 120 s.
--- Raises what f raised, after the transaction was undone, or why it could not be committed.
---@async
---@param f fun(session: skynet.db.mongo.session): ...
---@param options? table  as of start_transaction
---@return any ...  what f returned
function session:with_transaction(f, options)
	local deadline, pause = skynet.now() + RETRY_TIME, 1
	while true do
		self:start_transaction(options)
		local result = call_bound(self, f)
		local again, err
		if not result[1] then
			if self:is_in_transaction() then self:abort_transaction() end
			again, err = self.transient and skynet.now() < deadline, result[2]
		elseif not self:is_in_transaction() then
			return unpack(result, 2, result.n) -- f has ended it itself
		else
			local done
			done, again, err = commit(self, deadline)
			if done then return unpack(result, 2, result.n) end
			err = "mongo: the transaction was not committed: " .. tostring(err)
		end
		if not again then error(err, 0) end
		skynet.sleep(pause)
		pause = math.min(2 * pause, LONGEST_PAUSE)
	end
end

--- Ends the session, and a transaction that is open.
---@async
function session:end_session()
	if self.ended then return end
	if self:is_in_transaction() then self:abort_transaction() end
	self.ended = true
	local primary = self.client.__set.primary
	-- A session that the server does not hear of ends by itself.
	pcall(primary.post, primary, "endSessions", encode_order("endSessions", { self.id }, "$db", "admin"))
end

local function new(client, id, causal)
	return setmetatable({
		causal = causal or false,
		client = client,
		id = id,
		number = 0,
		state = "none",
		options = {},
		begun = false,
		failure = false,
		transient = false,
		ended = false,
	}, session)
end

local M = {}

---@param causal? boolean
---@return skynet.db.mongo.session
function M.start(client, causal)
	-- a UUID of random bytes, RFC 4122
	local bytes = { (crypt.randomkey() .. crypt.randomkey()):byte(1, 16) }
	bytes[7] = 64 + bytes[7] % 16
	bytes[9] = 128 + bytes[9] % 64
	return new(client, { id = "\0\5\4" .. string.char(unpack(bytes)) }, causal)
end

--- What skynet's module `transaction` offers: f runs in a transaction, once. → nil, or what went wrong
---@async
---@param db table
---@param f fun(session: skynet.db.mongo.session)
---@return string? err
function M.run(db, f)
	local client = db.connection
	local opened = client:runCommand "startSession"
	if opened.ok ~= 1 or type(opened.id) ~= "table" then return opened.errmsg or "startSession was refused" end
	local self = new(client, opened.id)
	self:start_transaction()
	local result = call_bound(self, f)
	local err
	if not result[1] then
		err = tostring(result[2])
		if self:is_in_transaction() then self:abort_transaction() end
	elseif self:is_in_transaction() then
		local ok, wrong = self:commit_transaction()
		err = not ok and wrong or nil
	end
	self:end_session()
	return err
end

return M
