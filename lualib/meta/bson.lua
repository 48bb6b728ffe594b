---@meta bson
--- BSON documents, as MongoDB reads and writes them; docs/bson.md.
local bson = {}

---@class bson.document: userdata
---@operator len: integer
local document = {}

---@return table
function document:decode() end

--- Allows assignments to fields whose values have a fixed size.
---@return bson.document self
function document:makeindex() end

---@param t table
---@return bson.document
function bson.encode(t) end

--- Keys and values in turn.
---@param key string|number
---@param value any
---@return bson.document
function bson.encode_order(key, value, ...) end

--- Raises for malformed bytes. A pointer without a size is trusted to be as long as it says.
---@param d bson.document|string|lightuserdata|nil
---@param size? integer  of what the pointer leads to
---@return table?
function bson.decode(d, size) end

---@param d bson.document
---@return lightuserdata pointer  valid as long as d lives
function bson.to_lightuserdata(d) end

---@param hex? string  24 digits; without it, a new id
---@return string
function bson.objectid(hex) end

---@param seconds integer  since 1970
---@return string
function bson.date(seconds) end

---@param seconds integer
---@param increment? integer
---@return string
function bson.timestamp(seconds, increment) end

---@param n integer  or int64_t on LuaJIT
---@return string
function bson.int64(n) end

---@param pattern string
---@param options? string
---@return string
function bson.regex(pattern, options) end

---@param bytes string
---@return string
function bson.binary(bytes) end

--- The kind of a value, and what is in it.
---@param v any
---@return string kind
---@return any ...
function bson.type(v) end

bson.null = "\0\10"
bson.minkey = "\0\255"
bson.maxkey = "\0\127"

return bson
