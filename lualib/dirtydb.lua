--- The documents of a service that live in a database: remembered here, saved when they have changed.
local dirtydoc = require "dirtydoc"
local log = require "log"
local queue = require "skynet.queue"
local schema = require "schema"

local dirtydb = {}

---@class dirtydb.entry
---@field save_cb fun(update: table): boolean?
---@field unsaved? table  an update that could not be saved; it goes before any later one

local entries = {} -- document -> entry
local alone = queue() -- saving waits for the database; two savers would overtake each other

--- Whether documents without a schema are reported.
---@param flag boolean
function dirtydb.need_schema(flag)
	dirtydoc.need_schema = flag
end

--- A document that `save_dirty` saves from now on.
---@param schema_name string  in module `schema`
---@param data table
---@param save_cb fun(update: table): boolean?  saves an update of dirtydoc.commit_mongo; false or an error: it failed
---@return table doc
function dirtydb.new(schema_name, data, save_cb)
	local doc = dirtydoc.new(schema[schema_name], data)
	entries[doc] = { save_cb = save_cb }
	return doc
end

local function try_save(entry, update)
	local ok, result = pcall(entry.save_cb, update)
	if ok and result ~= false then
		entry.unsaved = nil
		return true
	end
	entry.unsaved = update
	log.error("save_obj failed, will be tried again:", result)
	return false
end

local function save_obj(doc, entry)
	if entry.unsaved and not try_save(entry, entry.unsaved) then return end
	local dirty, update = dirtydoc.commit_mongo(doc)
	if not dirty then return end
	log.debug("save_obj", doc)
	try_save(entry, update)
end

local function save_all()
	local docs = {}
	for doc in pairs(entries) do
		docs[#docs + 1] = doc
	end
	log.debug("save_dirty documents:", #docs)
	for _, doc in ipairs(docs) do
		local entry = entries[doc]
		if entry then save_obj(doc, entry) end
	end
end

--- Saves every document that has changed. One that fails is logged and tried again the next time.
---@async
function dirtydb.save_dirty()
	alone(save_all)
end

--- Saves a document once more, if it has changed, and forgets it. Unknown documents are ignored.
---@async
---@param doc table
function dirtydb.remove(doc)
	alone(function()
		local entry = entries[doc]
		if not entry then return end
		save_obj(doc, entry)
		entries[doc] = nil
	end)
end

return dirtydb
