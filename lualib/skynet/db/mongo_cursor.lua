--- The cursors of skynet.db.mongo: documents of find and aggregate, fetched batch by batch.
local bson = require "bson"
local command = require "skynet.db.mongo_command"

local unpack = table.unpack or unpack

-- A table with nothing in it would be a document.
local NO_STAGES = setmetatable({}, { __len = function() return 0 end })

local cursor = {}
local methods = {}
methods.__index = methods

local function ordered(first, ...)
	if select("#", ...) == 0 then return first end
	local list = {}
	for _, part in ipairs { first, ... } do
		local key, direction = next(part)
		list[#list + 1] = key
		list[#list + 1] = direction
	end
	return bson.encode_order(unpack(list))
end

local function new(collection, fields)
	fields.collection = collection
	fields.server = false -- that has the cursor
	fields.id = false     -- of the server's cursor: false before the first batch
	fields.batch = {}
	fields.at = 1         -- the next document of the batch
	fields.seen = 0
	fields.ended = false
	return setmetatable(fields, methods)
end

function cursor.find(collection, query, projection)
	return new(collection, { query = query or {}, projection = projection })
end

function cursor.aggregate(collection, pipeline, options)
	options = options or { cursor = {} }
	assert(options.cursor, "aggregate: options without cursor")
	return new(collection, { pipeline = pipeline, options = options, batch_size = options.cursor.batchSize })
end

function methods:sort(first, ...) self.sort_by = ordered(first, ...) return self end
function methods:skip(n) self.skip_n = n return self end
function methods:limit(n) self.limit_n = n return self end
function methods:hint(name) self.hint_by = name return self end
function methods:maxTimeMS(ms) self.max_ms = ms return self end
function methods:batchSize(n) self.batch_size = n return self end

local function add(args, key, value)
	if value == nil then return end
	args[#args + 1] = key
	args[#args + 1] = value
end

-- The pipeline with what sort(), skip() and limit() say, and one stage more: a copy.
local function stages(self, with_sort, with_bounds, last)
	local list = {}
	for i, stage in ipairs(self.pipeline) do list[i] = stage end
	local function stage(key, value)
		if value ~= nil then list[#list + 1] = { [key] = value } end
	end
	if with_sort then stage("$sort", self.sort_by) end
	if with_bounds then
		stage("$skip", self.skip_n)
		stage("$limit", self.limit_n)
	end
	list[#list + 1] = last
	return list[1] and list or NO_STAGES
end

local function run(self, ...)
	local reply, server = command.run(self.collection.database, self.server or nil, ...)
	return reply, server
end

local function keep_server(self, reply, server)
	self.server = server
	return reply
end

local function first_batch(self)
	local args = {}
	if self.pipeline then
		add(args, "pipeline", stages(self, true, true))
		for key, value in pairs(self.options) do add(args, key, value) end
		add(args, "hint", self.hint_by)
		add(args, "maxTimeMS", self.max_ms)
		return keep_server(self, run(self, "aggregate", self.collection.name, unpack(args)))
	end
	add(args, "filter", self.query)
	add(args, "sort", self.sort_by)
	add(args, "skip", self.skip_n)
	add(args, "limit", self.limit_n)
	add(args, "projection", self.projection)
	add(args, "hint", self.hint_by)
	add(args, "maxTimeMS", self.max_ms)
	add(args, "batchSize", self.batch_size)
	return keep_server(self, run(self, "find", self.collection.name, unpack(args)))
end

local function next_batch(self)
	local args = { "collection", self.collection.name }
	add(args, "batchSize", self.batch_size)
	return run(self, "getMore", bson.int64(self.id), unpack(args))
end

local function at_limit(self)
	return not self.pipeline and self.limit_n and self.limit_n > 0 and self.seen >= self.limit_n
end

--- Whether next() has a document. Fetches when the batch is used up; raises what the server says, and is at the
--- end then.
---@async
---@return boolean
function methods:hasNext()
	while self.batch[self.at] == nil do
		if self.ended then return false end
		if self.id == 0 or at_limit(self) then
			self:close()
			return false
		end
		local fresh = self.id == false
		local reply = fresh and first_batch(self) or next_batch(self)
		if reply.ok ~= 1 then
			self.ended = true
			self.id = 0
			error(reply.errmsg or "mongo: the cursor was refused")
		end
		self.batch = fresh and reply.cursor.firstBatch or reply.cursor.nextBatch
		self.at = 1
		self.id = reply.cursor.id
	end
	return true
end

---@return table document
function methods:next()
	local document = self.batch[self.at]
	if document == nil then error "Call\thasNext\tfirst" end
	self.batch[self.at] = nil
	self.at = self.at + 1
	self.seen = self.seen + 1
	return document
end

--- How many documents fit; with_bounds: within skip() and limit().
---@async
---@return integer
function methods:count(with_bounds)
	if self.pipeline then
		local list = stages(self, false, with_bounds, { ["$count"] = "__count" })
		local reply = run(self, "aggregate", self.collection.name, "pipeline", list, "cursor", {})
		if reply.ok ~= 1 then error(reply.errmsg or "mongo: aggregate was refused") end
		local found = reply.cursor.firstBatch[1]
		return found and found.__count or 0
	end
	local args = { "query", self.query }
	if with_bounds then
		add(args, "skip", self.skip_n)
		add(args, "limit", self.limit_n)
		add(args, "hint", self.hint_by)
		add(args, "maxTimeMS", self.max_ms)
	end
	local reply = run(self, "count", self.collection.name, unpack(args))
	if reply.ok ~= 1 then error(reply.errmsg or "mongo: count was refused") end
	return reply.n
end

--- Ends the server's cursor, when it has one. It is not answered.
---@async
function methods:close()
	self.ended = true
	self.batch, self.at = {}, 1
	local id, server = self.id, self.server
	self.id, self.server = 0, false
	if id == false or id == 0 then return end
	local collection = self.collection
	server:post("killCursors", bson.encode_order("killCursors", collection.name, "$db", collection.database.name,
		"cursors", { bson.int64(id) }))
end

return cursor
