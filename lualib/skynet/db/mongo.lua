--- Client of MongoDB: OP_MSG over one connection that the coroutines of a service share.
--- Told in docs/mongo.md.
local skynet = require "skynet"
local socketchannel = require "skynet.socketchannel"
local driver = require "skynet.mongo.driver"
local bson = require "bson"
local mongo_auth = require "skynet.db.mongo_auth"
local mongo_cursor = require "skynet.db.mongo_cursor"
local mongo_uri = require "skynet.db.mongo_uri"

local encode, encode_order, decode = bson.encode, bson.encode_order, bson.decode
local unpack = table.unpack or unpack

local mongo = {}
mongo.null = assert(bson.null)
mongo.minkey = assert(bson.minkey)
mongo.maxkey = assert(bson.maxkey)
mongo.type = assert(bson.type)

-- Flag of a request that the server must not answer.
local MORE_TO_COME = 2
local MAX_ID = 2147483647

local client_methods, db_methods, collection_methods = {}, {}, {}

-- ---- the link ---------------------------------------------------------------------------------

-- The reply stays in bytes here: what is wrong inside of it concerns its caller, not the link.
local function read_reply(sock)
	local rest = sock:read(driver.length(sock:read(4)))
	local ok, id = driver.reply(rest)
	if not ok then error("mongo: a message shorter than its header", 0) end
	return id, true, rest
end

-- f(...), in a coroutine of its own when the client has a deadline: raises when the deadline comes first. What f
-- gives later is dropped. A log-in runs as it is: the channel knows it by its coroutine, and who waits for it has
-- a deadline of his own.
local function within_deadline(client, what, f, ...)
	if not client.__timeout or client.__login_thread == coroutine.running() then return f(...) end
	local token, ended, ok, result = {}, false, false, nil
	local args = { ... }
	skynet.fork(function()
		ok, result = pcall(f, unpack(args))
		ended = true
		skynet.wakeup(token)
	end)
	if not ended then skynet.sleep(math.ceil(client.__timeout * 100), token) end
	if not ended then
		error(string.format("mongo %s:%s: no answer to %s within %s s", tostring(client.host), tostring(client.port), what,
			tostring(client.__timeout)), 0)
	end
	if not ok then error(result, 0) end
	return result
end

-- Sends a command's document and waits for the reply. → its table
local function call(client, name, document)
	local id = client:genId()
	local channel = client.__sock
	local rest = within_deadline(client, name, channel.request, channel, driver.op_msg(id, 0, document), id)
	local _, _, reply = driver.reply(rest)
	return (decode(reply))
end

-- Sends a command that is not answered.
local function post(client, document)
	client.__sock:request(driver.op_msg(client:genId(), MORE_TO_COME, document))
end

local function command_document(db, name, value, ...)
	return encode_order(name, value or 1, "$db", db.name, ...)
end

local function address(text)
	local host, port = text:match "^%[(.-)%]:(%d+)$"
	if not host then host, port = text:match "^(.-):(%d+)$" end
	return host or text, tonumber(port) or 27017
end

-- Who is the primary? Moves there when it is another one.
local function find_primary(client, channel)
	local reply = client:runCommand "ismaster"
	if reply.ok ~= 1 then return end
	if reply.hosts then
		local backup = {}
		for i, text in ipairs(reply.hosts) do
			local host, port = address(text)
			backup[i] = { host = host, port = port }
		end
		channel:changebackup(backup)
	end
	if reply.ismaster then return end
	if not reply.primary then
		error(string.format("mongo %s:%s is no primary and knows none", tostring(client.host), tostring(client.port)), 0)
	end
	client.host, client.port = address(reply.primary)
	channel:changehost(client.host, client.port)
end

-- Runs after every connect. The cause of a failure is kept for mongo.client to raise.
local function log_in(client, conf)
	return function(channel)
		client.__failure = false
		client.__login_thread = coroutine.running()
		local ok, err = pcall(function()
			if conf.username and conf.password then
				mongo_auth.log_in(client:getDB(conf.authdb or "admin"), conf.authmod or "scram_sha1", conf.username, conf.password)
			end
			find_primary(client, channel)
		end)
		client.__login_thread = false
		if ok then return end
		if err ~= socketchannel.error then client.__failure = tostring(err) end
		error(err, 0)
	end
end

local client_meta = {
	__index = function(self, key) return client_methods[key] or self:getDB(key) end,
	__tostring = function(self)
		local host, port = rawget(self, "host"), rawget(self, "port")
		return "[mongo client :\t" .. tostring(host) .. ":" .. tostring(port) .. "]"
	end,
}

local db_meta = {
	__index = function(self, key) return db_methods[key] or self:getCollection(key) end,
	__tostring = function(self) return "[mongo db :\t" .. self.name .. "]" end,
}

local collection_meta = {
	__index = function(self, key) return collection_methods[key] or self:getCollection(key) end,
	__tostring = function(self) return "[mongo collection :\t" .. self.full_name .. "]" end,
}

--- Connects; each address is tried once. Raises socketchannel.error when none can be reached, and a text that
--- names server and cause when the log-in is refused.
---@async
---@param conf table|string  host, port, username, password, authdb, authmod, overload, timeout; or rs, a list of such; or
---                           a connection string
---@return table client
function mongo.client(conf)
	if type(conf) == "string" then conf = mongo_uri.parse(conf) end
	local first, backup = conf, nil
	if conf.rs then
		first, backup = assert(conf.rs[1], "rs: an empty list"), {}
		for i, member in ipairs(conf.rs) do
			backup[i] = { host = member.host, port = member.port or 27017 }
		end
	end
	local client = {
		host = first.host,
		port = first.port or 27017,
		__id = 0,
		__sock = false,
		__failure = false,
		__login_thread = false,
		__timeout = conf.timeout or false,
	}
	setmetatable(client, client_meta)
	client.__sock = socketchannel.channel {
		host = client.host,
		port = client.port,
		response = read_reply,
		auth = log_in(client, first),
		tells_refusal = true,
		backup = backup,
		nodelay = true,
		overload = conf.overload,
	}
	local channel = client.__sock
	local ok, err = pcall(within_deadline, client, "a log-in", channel.connect, channel, true)
	if ok then return client end
	channel:close()
	if client.__failure then
		error(string.format("mongo %s:%s: %s", tostring(client.host), tostring(client.port), client.__failure), 0)
	end
	error(err, 0)
end

-- ---- client -----------------------------------------------------------------------------------

function client_methods:getDB(name)
	local db = setmetatable({ name = name, connection = self }, db_meta)
	rawset(db, "database", db)
	rawset(self, name, db)
	return db
end

function client_methods:genId()
	local id = self.__id % MAX_ID + 1
	self.__id = id
	return id
end

---@async
function client_methods:runCommand(...)
	return self:getDB "admin":runCommand(...)
end

function client_methods:disconnect()
	self.__sock:close()
end

---@async
function client_methods:logout()
	return self:getDB "admin":runCommand "logout".ok == 1
end

-- ---- database ---------------------------------------------------------------------------------

function db_methods:getCollection(name)
	local collection = setmetatable({
		name = name,
		full_name = self.name .. "." .. name,
		connection = self.connection,
		database = self,
	}, collection_meta)
	rawset(self, name, collection)
	return collection
end

--- The reply as it came: look at ok, errmsg, code.
---@async
function db_methods:runCommand(name, value, ...)
	return call(self.connection, name, command_document(self, name, value, ...))
end

--- Without an answer.
---@async
function db_methods:send_command(name, value, ...)
	post(self.connection, encode_order(name, value or 1, "$db", self.name, "writeConcern", { w = 0 }, ...))
	return { ok = 1 }
end

---@async
---@return boolean ok
function db_methods:auth(user, password)
	return (pcall(mongo_auth.log_in, self, "scram_sha1", user, password))
end

-- ---- collection -------------------------------------------------------------------------------

function collection_methods:getCollection(name)
	local sub = setmetatable({
		name = name,
		full_name = self.full_name .. "." .. name,
		connection = self.connection,
		database = self.database,
	}, collection_meta)
	rawset(self, name, sub)
	return sub
end

-- → ok, what went wrong, the reply
local function verdict(reply)
	local wrong = reply.writeErrors and reply.writeErrors[1] or reply.writeConcernError
	local err = wrong and (wrong.errmsg or "a write error without a text") or reply.errmsg
	if err == nil and reply.ok ~= 1 then err = "refused without a text" end
	return err == nil, err, reply
end

-- A method that is answered, and one that is not.
local function safe(self, command, key, list)
	return verdict(self.database:runCommand(command, self.name, key, list))
end

local function unsafe(self, command, key, list)
	self.database:send_command(command, self.name, key, list)
end

local function with_id(doc)
	if doc._id == nil then doc._id = bson.objectid() end
	return doc
end

local function encoded_batch(docs)
	for i = 1, #docs do docs[i] = encode(with_id(docs[i])) end
	return docs
end

local function updates(list)
	local out = {}
	for i, one in ipairs(list) do
		out[i] = { q = one.query, u = one.update, upsert = one.upsert, multi = one.multi }
	end
	return out
end

local function deletes(list, single)
	local out = {}
	for i, query in ipairs(list) do out[i] = { q = query, limit = single and 1 or 0 } end
	return out
end

function collection_methods:insert(doc) unsafe(self, "insert", "documents", { encode(with_id(doc)) }) end
function collection_methods:safe_insert(doc) return safe(self, "insert", "documents", { encode(doc) }) end
function collection_methods:raw_safe_insert(doc) return safe(self, "insert", "documents", { doc }) end
function collection_methods:batch_insert(docs) unsafe(self, "insert", "documents", encoded_batch(docs)) end
function collection_methods:safe_batch_insert(docs) return safe(self, "insert", "documents", encoded_batch(docs)) end
collection_methods.insert_many = collection_methods.batch_insert
collection_methods.safe_insert_many = collection_methods.safe_batch_insert

function collection_methods:update(query, update, upsert, multi)
	unsafe(self, "update", "updates", { { q = query, u = update, upsert = upsert, multi = multi } })
end

function collection_methods:safe_update(query, update, upsert, multi)
	return safe(self, "update", "updates", { { q = query, u = update, upsert = upsert, multi = multi } })
end

function collection_methods:batch_update(list) unsafe(self, "update", "updates", updates(list)) end
function collection_methods:safe_batch_update(list) return safe(self, "update", "updates", updates(list)) end
function collection_methods:raw_safe_update(one) return safe(self, "update", "updates", { one }) end

function collection_methods:delete(query, single) unsafe(self, "delete", "deletes", deletes({ query }, single)) end
function collection_methods:safe_delete(query, single) return safe(self, "delete", "deletes", deletes({ query }, single)) end
function collection_methods:safe_batch_delete(list, single) return safe(self, "delete", "deletes", deletes(list, single)) end
function collection_methods:raw_safe_delete(one) return safe(self, "delete", "deletes", { one }) end

---@async
---@return table? document
function collection_methods:findOne(query, projection)
	local args = { "filter", query or {}, "limit", 1 }
	if projection then args[5], args[6] = "projection", projection end
	local reply = self.database:runCommand("find", self.name, unpack(args))
	if reply.ok ~= 1 then error(reply.errmsg or "mongo: find was refused") end
	return reply.cursor.firstBatch[1]
end

function collection_methods:find(query, projection)
	return mongo_cursor.find(self, query, projection, post)
end

function collection_methods:aggregate(pipeline, options)
	return mongo_cursor.aggregate(self, pipeline, options, post)
end

---@async
function collection_methods:findAndModify(doc)
	assert(doc.query, "findAndModify: no query")
	assert(doc.update or doc.remove, "findAndModify: neither update nor remove")
	local args = {}
	for key, value in pairs(doc) do
		args[#args + 1] = key
		args[#args + 1] = value
	end
	return self.database:runCommand("findAndModify", self.name, unpack(args))
end

-- The description of an index: its keys in order, then its options.
local function index_of(spec)
	local keys, names, index = {}, {}, {}
	local function add(key, direction)
		keys[#keys + 1], keys[#keys + 2] = key, direction
		names[#names + 1] = key .. "_" .. tostring(direction)
	end
	for _, part in ipairs(spec) do
		if type(part) == "string" then
			add(part, 1)
		else
			for key, direction in pairs(part) do add(key, direction) end
		end
	end
	assert(#keys > 0, "Need keys")
	for option, value in pairs(spec) do
		if type(option) == "string" then index[option] = value end
	end
	index.key = encode_order(unpack(keys))
	index.name = index.name or table.concat(names, "_")
	return index
end

---@async
function collection_methods:createIndex(spec, options)
	if options == nil then return self:createIndexes(spec) end
	local key = next(spec)
	assert(key ~= nil, "Need keys")
	assert(next(spec, key) == nil, "Use new api for multi-keys")
	local merged = { spec }
	for option, value in pairs(options) do merged[option] = value end
	return self:createIndexes(merged)
end
collection_methods.ensureIndex = collection_methods.createIndex

---@async
function collection_methods:createIndexes(...)
	local list = {}
	for i = 1, select("#", ...) do list[i] = index_of((select(i, ...))) end
	return self.database:runCommand("createIndexes", self.name, "indexes", list)
end

---@async
function collection_methods:drop() return self.database:runCommand("drop", self.name) end

---@async
function collection_methods:dropIndex(name)
	return self.database:runCommand("dropIndexes", self.name, "index", name)
end

-- ---- bulkWrite: one command for many collections (MongoDB 8) ------------------------------------

local bulk_op = {}

function bulk_op.insert(op, ns) return encode_order("insert", ns, "document", op.insert) end

local function pairs_of(list, op, keys)
	for _, key in ipairs(keys) do
		if op[key] ~= nil then
			list[#list + 1] = key
			list[#list + 1] = op[key]
		end
	end
	return encode_order(unpack(list))
end

function bulk_op.update(op, ns)
	return pairs_of({ "update", ns, "filter", op.filter, "updateMods", op.update, "multi", op.multi or false, "upsert",
		op.upsert or false }, op, { "hit", "constants", "collation" })
end

function bulk_op.delete(op, ns)
	return pairs_of({ "delete", ns, "filter", op.filter, "multi", op.multi or false }, op, { "hit", "collation" })
end

---@async
---@return boolean ok, string? err, table reply, integer[]? failed
function client_methods:bulkWrite(ops, comment, ordered, verify, errors_only)
	local names, place, list = {}, {}, {}
	for i, op in ipairs(ops) do
		local ns = op.collection
		if not place[ns] then
			names[#names + 1] = { ns = ns }
			place[ns] = #names - 1
		end
		local make = bulk_op[op.op] or error("bulkWrite: an unknown op: " .. tostring(op.op))
		list[i] = make(op, place[ns])
	end
	local args = { "ops", list, "nsInfo", names }
	local function add(key, value)
		if value ~= nil then args[#args + 1], args[#args + 2] = key, value end
	end
	add("ordered", ordered)
	if verify == false then add("bypassDocumentValidation", true) end
	add("comment", comment)
	add("errorsOnly", errors_only)
	local reply = self:runCommand("bulkWrite", 1, unpack(args))
	local ok, err = verdict(reply)
	local failed
	for i, one in ipairs(reply.cursor and reply.cursor.firstBatch or {}) do
		if one.ok ~= 1 then
			failed = failed or {}
			failed[#failed + 1] = i
			ok, err = false, err or one.errmsg
		end
	end
	return ok, err, reply, failed
end

return mongo
