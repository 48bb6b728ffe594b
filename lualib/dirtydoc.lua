--- Documents that know what was written to them, so that only the changes need saving.
---
---     local doc = dirtydoc.new(nil, { name = "bob", bag = { gold = 1 } })
---     doc.bag.gold = 2
---     dirtydoc.commit_mongo(doc)   --> true, { ["$set"] = { ["bag.gold"] = 2 } }
---
--- A document is used like a table. It is an empty one, in truth: the values lie in its state, so that every write
--- comes to `__newindex`. A table written to a field becomes a document of its own (a copy), and knows its owner.
---
---     doc  --STATE-->  { values = { name = "bob", bag = sub }, changed = nil, touched = { bag = true } }
---     sub  --STATE-->  { values = { gold = 2 }, changed = { gold = true }, parent = doc, key = "bag" }
---
--- `changed` holds the keys written since the last commit, `touched` those whose document has changes inside; both
--- are nil while empty. Lua 5.4 also lets `pairs`, `ipairs` and `#` work on documents; LuaJIT ignores `__pairs` and
--- `__len` of tables, so code for both engines takes `dirtydoc.pairs`, `dirtydoc.ipairs` and `dirtydoc.len`.
local report = require "util.report"

---@class dirtydoc.state
---@field values table<any, any>
---@field schema? table
---@field changed? table<any, true>
---@field touched? table<any, true>
---@field parent? table  the document this one is a field of
---@field key? any  ... and its key there
---@field constant? boolean  true: writes go to a copy by now, and are reported

local dirtydoc = {
	--- When true, documents made without a schema are reported.
	need_schema = false,
	null = setmetatable({}, { __tostring = function() return "NULL" end }),
}

local unpack = table.unpack or unpack

local STATE = {} -- the one key that a document really has
local MAX_DEPTH = 128 -- what bson takes; also ends a table that contains itself

-- The encoder of bson takes what has `__len` for an array. So a document with something at [1] has the one
-- metatable, and any other document the other one. The metatables are the markers that getmetatable() gives.
local MARKER = { __tostring = function() return "DIRTYDOC" end }
local MAP = setmetatable({}, MARKER)
local ARRAY = setmetatable({}, MARKER)

local function state_of(doc)
	return rawget(doc, STATE)
end

--- Whether a value is a document.
---@param value any
---@return boolean
function dirtydoc.check_type(value)
	return type(value) == "table" and rawget(value, STATE) ~= nil
end
local is_document = dirtydoc.check_type

-- Whether a value is copied into a document when it is written to a field.
local function is_copied(value)
	return type(value) == "table" and (is_document(value) or getmetatable(value) == nil)
end

local function fields_of(t)
	local state = state_of(t)
	return state and state.values or t
end

-- ---- writing ----------------------------------------------------------------------------------

local function mark(doc, key)
	local state = state_of(doc)
	state.changed = state.changed or {}
	state.changed[key] = true
	while state.parent do
		local owner = state_of(state.parent)
		owner.touched = owner.touched or {}
		if owner.touched[state.key] then return end -- its owners know as well
		owner.touched[state.key] = true
		state = owner
	end
end

-- Puts a value in place that is a document of nobody, a document of `doc` that moves, or no document.
local function store(doc, key, value)
	local state = state_of(doc)
	if state.constant then report("err const can't change. k:", key, debug.traceback()) end
	local old = state.values[key]
	if is_document(old) then
		local left = state_of(old)
		if left.parent == doc and left.key == key then left.parent, left.key = nil, nil end
	end
	state.values[key] = value
	if is_document(value) then
		local placed = state_of(value)
		placed.parent, placed.key = doc, key
	end
	if key == 1 then setmetatable(doc, value == nil and MAP or ARRAY) end
	mark(doc, key)
end

local function same(a, b)
	if not (is_copied(a) and is_copied(b)) then return a == b end
	a, b = fields_of(a), fields_of(b)
	if rawequal(a, b) then return true end
	for k, v in next, a do
		if b[k] == nil or not same(v, b[k]) then return false end
	end
	for k in next, b do
		if a[k] == nil then return false end
	end
	return true
end

local function check_write(schema, key, value)
	if schema and not schema:_check_kv(key, value) then
		report("err doc_change_value. key:", key, ", schema:", getmetatable(schema))
	end
end

local function field_schema(schema, key)
	if not schema then return nil end
	local field = rawget(schema, "_value")
	if field == nil then field = rawget(schema, key) end
	-- A scalar type cannot check fields: a table stands where it does not belong, which has been reported.
	return type(field) == "table" and rawget(field, "_check_kv") and field or nil
end

local function copy(schema, source, depth)
	if depth > MAX_DEPTH then error "dirtydoc: tables nested too deep, or one contains itself" end
	local values = {}
	local doc = { [STATE] = { values = values, schema = schema } }
	for key, value in next, fields_of(source) do
		check_write(schema, key, value)
		if is_copied(value) then
			value = copy(field_schema(schema, key), value, depth + 1)
			local placed = state_of(value)
			placed.parent, placed.key = doc, key
		end
		values[key] = value
	end
	return setmetatable(doc, values[1] == nil and MAP or ARRAY)
end

local function assign(doc, key, value)
	local state = state_of(doc)
	local schema = state.schema
	check_write(schema, key, value)
	if same(state.values[key], value) then return end
	if is_copied(value) then
		local original = state_of(value)
		value = copy(field_schema(schema, key), value, 1)
		if original and schema then original.constant = true end
	end
	store(doc, key, value)
end

-- ---- the document as a table ------------------------------------------------------------------

local function read(doc, key)
	local state = state_of(doc)
	local schema = state.schema
	if schema and not schema:_check_k(key) then report("err __index. key:", key) end
	return state.values[key]
end

for _, meta in ipairs { MAP, ARRAY } do
	meta.__index = read
	meta.__newindex = assign
	meta.__pairs = function(doc) return next, fields_of(doc), nil end
end
ARRAY.__len = function(doc) return #fields_of(doc) end

--- A document with the fields of `init`, clean. Tables in it become documents, to any depth.
---@param schema? table  see schema_base; mistakes are printed, and the value is stored all the same
---@param init? table
---@return table doc
function dirtydoc.new(schema, init)
	if dirtydoc.need_schema and not schema then report("err need_schema.", debug.traceback()) end
	return copy(schema, init or {}, 1)
end

--- `#doc`.
---@param doc table
---@return integer
function dirtydoc.len(doc)
	return #fields_of(doc)
end

--- `next(doc, key)`.
---@param doc table
---@param key any
---@return any key
---@return any value
function dirtydoc.next(doc, key)
	return next(fields_of(doc), key)
end

--- `pairs(doc)`. Fields that are there may be written on the way.
---@param doc table
function dirtydoc.pairs(doc)
	return next, fields_of(doc), nil
end

--- `ipairs(doc)`.
---@param doc table
function dirtydoc.ipairs(doc)
	return ipairs(fields_of(doc))
end

--- `table.unpack(doc, i, j)`.
---@param doc table
---@param i? integer
---@param j? integer
---@return any ...
function dirtydoc.unpack(doc, i, j)
	local values = fields_of(doc)
	return unpack(values, i or 1, j or #values)
end

--- `table.concat(doc, sep, i, j)`.
---@param doc table
---@param sep? string
---@param i? integer
---@param j? integer
---@return string
function dirtydoc.concat(doc, sep, i, j)
	local values = fields_of(doc)
	return table.concat(values, sep, i or 1, j or #values)
end

-- A value of `doc` goes to another index, and is not copied.
local function move(doc, key, value)
	if is_document(value) or state_of(doc).values[key] ~= value then store(doc, key, value) end
end

--- `table.insert(doc, [position,] value)`: what lies behind it moves up.
---@overload fun(doc: table, value: any)
---@param doc table
---@param position integer
---@param value any
function dirtydoc.insert(doc, position, ...)
	if not is_document(doc) then return table.insert(doc, position, ...) end
	local values = fields_of(doc)
	local count = #values
	local value = ...
	if select("#", ...) == 0 then position, value = count + 1, position end
	if position < 1 or position > count + 1 then error("dirtydoc.insert: position out of bounds", 2) end
	for i = count, position, -1 do
		move(doc, i + 1, values[i])
	end
	-- A document that has moved on must not be taken for what is written here.
	if is_document(values[position]) then values[position] = nil end
	assign(doc, position, value)
end

--- `table.remove(doc [, position])`: what lies behind it moves down.
---@param doc table
---@param position? integer  the last one by default
---@return any value  what was removed
function dirtydoc.remove(doc, position)
	if not is_document(doc) then return table.remove(doc, position) end
	local values = fields_of(doc)
	local count = #values
	position = position or count
	if count == 0 and position == 0 then return nil end
	if position < 1 or position > count + 1 then error("dirtydoc.remove: position out of bounds", 2) end
	local removed = values[position]
	for i = position, count - 1 do
		move(doc, i, values[i + 1])
	end
	if position <= count then store(doc, count, nil) end
	return removed
end

-- ---- committing -------------------------------------------------------------------------------

local function key_text(key)
	return type(key) == "number" and key % 1 == 0 and string.format("%d", key) or tostring(key)
end

-- The value as it is now, in plain tables, so that later writes do not show. What it holds counts as committed.
-- Keys become text unless the table is a whole array, because bson takes no numbers as keys.
local function take(value)
	if not is_document(value) then return value end
	local state = state_of(value)
	state.changed, state.touched = nil, nil
	local count, plain = 0, {}
	for _ in next, state.values do
		count = count + 1
	end
	local is_array = count == #state.values
	for k, v in next, state.values do
		plain[is_array and k or key_text(k)] = take(v)
	end
	return plain
end

local function collect(doc, prefix, set, unset)
	local state = state_of(doc)
	local changed, touched = state.changed, state.touched
	state.changed, state.touched = nil, nil
	for key in next, changed or {} do
		local value = state.values[key]
		if value == nil then
			unset[prefix .. key_text(key)] = ""
		else
			set[prefix .. key_text(key)] = take(value)
		end
	end
	for key in next, touched or {} do
		local value = state.values[key]
		if is_document(value) and not (changed and changed[key]) then
			collect(value, prefix .. key_text(key) .. ".", set, unset)
		end
	end
end

--- What has changed since the last commit (or since `new`), as an update for MongoDB; from now on the document
--- counts as unchanged. Paths are dotted; indices in them are Lua's, from 1. The result shares nothing with the document.
---@param doc table
---@return boolean dirty
---@return table update  ["$set"] = path -> value, ["$unset"] = path -> ""; each only when there is something
function dirtydoc.commit_mongo(doc)
	local set, unset = {}, {}
	collect(doc, "", set, unset)
	local update = {
		["$set"] = next(set) ~= nil and set or nil,
		["$unset"] = next(unset) ~= nil and unset or nil,
	}
	return next(update) ~= nil, update
end

return dirtydoc
