--- The types that documents are checked against (see dirtydoc). A type is a table; what it is called is
--- `tostring(getmetatable(type))`, "schema_number" for instance. Checks answer a boolean, and print what is wrong.
---
--- A message type holds its fields, name -> type. Lists and maps hold no fields; `_value` is the type of theirs.
--- Every type but the three scalar ones has `_check_k(self, key)` and `_check_kv(self, key, value)`.
local int64 = require "int64"
local report = require "util.report"

local schema_base = {}

--- Gives a type its name, and protects it.
---@param name string
---@param fields table
---@return table type  `fields` itself
function schema_base.define(name, fields)
	local marker = setmetatable({}, { __tostring = function() return "schema_" .. name end })
	return setmetatable(fields, { __metatable = marker })
end

schema_base.number = schema_base.define("number", {})
schema_base.string = schema_base.define("string", {})
schema_base.boolean = schema_base.define("boolean", {})

local SCALARS = { [schema_base.number] = "number", [schema_base.string] = "string", [schema_base.boolean] = "boolean" }

local function kind_of(value)
	return int64.is_number(value) and "number" or type(value)
end

local function is_type(what, need, value)
	local kind = kind_of(value)
	-- Any table may stand for a message, a list or a map: its own fields are checked when they are copied.
	if kind == (SCALARS[need] or "table") then return true end
	report("not equal", what, "type. need_tp:", getmetatable(need), ", real_tp: schema_" .. kind, ", " .. what .. ":", value)
	return false
end

--- Whether a message has a field of this name.
---@param key any
---@return boolean
function schema_base.check_k(self, key)
	local field = rawget(self, key)
	if field ~= nil and type(field) == "table" and key ~= "_value" then return true end
	report("not exist key:", key, debug.traceback())
	return false
end

--- Whether a message has a field of this name and the value fits it. nil fits every field.
---@param key any
---@param value any
---@return boolean
function schema_base.check_kv(self, key, value)
	if not schema_base.check_k(self, key) then return false end
	return value == nil or is_type("v", rawget(self, key), value)
end

--- The `_check_k` of a list or a map.
---@param key_type table
---@return fun(self: table, key: any): boolean
function schema_base.check_k_func(key_type)
	return function(_, key) return is_type("k", key_type, key) end
end

--- The `_check_kv` of a list or a map.
---@param key_type table
---@param value_type table
---@return fun(self: table, key: any, value: any): boolean
function schema_base.check_kv_func(key_type, value_type)
	return function(_, key, value)
		return is_type("k", key_type, key) and (value == nil or is_type("v", value_type, value))
	end
end

return schema_base
