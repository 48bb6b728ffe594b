--- The collections of skynet.db.mongo.
local bson = require "bson"
local command = require "skynet.db.mongo_command"
local mongo_cursor = require "skynet.db.mongo_cursor"

local encode, encode_order = bson.encode, bson.encode_order
local unpack = table.unpack or unpack

local collection_methods = {}

local meta = {
	__index = function(self, key) return collection_methods[key] or self:getCollection(key) end,
	__tostring = function(self) return "[mongo collection :\t" .. self.full_name .. "]" end,
}

local function new(db, name, full_name)
	return setmetatable({
		name = name,
		full_name = full_name,
		connection = db.connection,
		database = db,
	}, meta)
end

function collection_methods:getCollection(name)
	local sub = new(self.database, name, self.full_name .. "." .. name)
	rawset(self, name, sub)
	return sub
end

--- The same collection with other options; this one stays as it is.
---@param options table  session =, read_preference =
---@return table collection
function collection_methods:with(options)
	return new(self.database:with(options), self.name, self.full_name)
end

-- A method that is answered, and one that is not.
local function safe(self, name, key, list)
	return command.verdict(self.database:runCommand(name, self.name, key, list))
end

local function unsafe(self, name, key, list)
	self.database:send_command(name, self.name, key, list)
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
	return mongo_cursor.find(self, query, projection)
end

function collection_methods:aggregate(pipeline, options)
	return mongo_cursor.aggregate(self, pipeline, options)
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

return new
