--- The `info` of a player: any JSON value. Services hold it as JSON text, which keeps everything; the database as a
--- value of its own kind, so that it can be read and searched there.
local bson = require "bson"
local cjson = require "cjson"

local info = {}

local function json_of(digits)
	local json = cjson.new()
	json.decode_array_with_array_mt(true) -- else [] becomes {}
	json.decode_invalid_numbers(false)
	json.encode_number_precision(digits)
	json.encode_escape_forward_slash(false)
	return json
end

-- 15 digits show 1.1 as 1.1, 17 show every number exactly.
local short, exact = json_of(15), json_of(17)

--- The value of a JSON text; null is cjson.null, arrays have a metatable. Raises for what is none.
info.decode = short.decode

local function same(a, b)
	if type(a) ~= "table" or type(b) ~= "table" then return a == b end
	for key, value in pairs(a) do
		if not same(value, b[key]) then return false end
	end
	return true
end

--- The JSON text of a value, as short as its numbers allow. Raises for what JSON cannot say.
---@param value any
---@return string
function info.encode(value)
	local text = exact.encode(value)
	if type(value) == "string" or not text:find "%.%d" then return text end
	local shorter = short.encode(value)
	return same(value, short.decode(shorter)) and shorter or text
end

local MAX_BYTES = 4096
local MAX_DEPTH = 16

local array_mt = cjson.array_mt
local BSON_ARRAY = { __len = rawget(_G, "rawlen") or function(t) return #t end }

local function is_array(value)
	return getmetatable(value) == array_mt or rawget(value, 1) ~= nil
end

-- The same for bson. Raises a text for what BSON cannot hold.
local function to_bson(value, depth)
	if value == cjson.null then return bson.null end
	if type(value) == "string" then
		-- In bson's interface those are values of other kinds.
		if value:byte(1) == 0 then error("a text in it begins with a zero byte", 0) end
		return value
	end
	if type(value) ~= "table" then return value end
	if depth == MAX_DEPTH then error("it is nested deeper than " .. MAX_DEPTH, 0) end
	local copy = {}
	if is_array(value) then
		for i, element in ipairs(value) do copy[i] = to_bson(element, depth + 1) end
		return setmetatable(copy, BSON_ARRAY)
	end
	for key, element in pairs(value) do
		if type(key) ~= "string" then error("it has a key that is no text", 0) end
		copy[key] = to_bson(element, depth + 1)
	end
	return copy
end

-- Kinds that JSON does not have, which others may have put into the database, become what tells most of them.
local function from_bson(value)
	if type(value) == "table" then
		for key, element in pairs(value) do value[key] = from_bson(element) end
		return value
	end
	if type(value) == "number" and (value ~= value or value - value ~= 0) then return cjson.null end
	if type(value) ~= "string" or value:byte(1) ~= 0 then return value end
	local kind, content = bson.type(value)
	if kind == "objectid" or kind == "date" or kind == "regex" or kind == "timestamp" then return content end
	return cjson.null
end

local function holds_empty_table(value)
	if type(value) ~= "table" then return false end
	if next(value) == nil then return true end
	for _, element in pairs(value) do
		if holds_empty_table(element) then return true end
	end
	return false
end

--- The text of a value that came from a client.
---@param value any  as cjson gives it, or a table of an application
---@return string? text  nil: the value is nil or null, or cannot be kept
---@return string? wrong  why it cannot
function info.text(value)
	if value == nil or value == cjson.null then return nil end
	local ok, text = pcall(info.encode, value)
	if not ok then return nil, text end
	if #text > MAX_BYTES then return nil, "it is longer than " .. MAX_BYTES .. " bytes" end
	local document
	ok, document = pcall(to_bson, value, 0)
	if ok then ok, document = pcall(bson.encode, { info = document }) end
	if not ok then return nil, document end
	return text
end

--- Adds an info to a document for the database. What would not come back the same is there as text, too: bson does not
--- tell [] from {}.
---@param document table
---@param text string
function info.store(document, text)
	local value = info.decode(text)
	document.info = to_bson(value, 0)
	if holds_empty_table(value) then document.info_json = text end
end

--- The text of the info in a document of the database.
---@param document table
---@return string? text
function info.load(document)
	if type(document.info_json) == "string" then return document.info_json end
	if document.info == nil or document.info == bson.null then return nil end
	local ok, text = pcall(info.encode, from_bson(document.info))
	return ok and text or nil
end

return info
