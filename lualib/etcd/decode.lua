--- Keys and values in what etcd answers, as they were before its gateway encoded them.
---
--- What answers may be something else than etcd, or a proxy that cuts it off: nothing here raises, and what is not as
--- etcd has it is told.
local crypt = require "skynet.crypt"
local json = require "cjson.safe"

local decode = {}

--- A field that JSON's null leaves out as well.
---@param value any
---@return any
function decode.given(value)
	if value == json.null then return nil end
	return value
end

local given = decode.given

--- An object that is no array.
---@param text string
---@return table?
function decode.object(text)
	local value = json.decode(text)
	if type(value) == "table" and value[1] == nil then return value end
end

local function bytes_of(text)
	if type(text) ~= "string" then return nil end
	local ok, bytes = pcall(crypt.base64decode, text)
	return ok and bytes or nil
end

local function key_of(text)
	local key = bytes_of(text)
	return key ~= "" and key or nil
end

-- A value that is no JSON stays text. → whether it is a pair
local function decode_pair(pair)
	if type(pair) ~= "table" then return false end
	pair.key = key_of(pair.key)
	if not pair.key then return false end
	pair.value = given(pair.value)
	if pair.value == nil then return true end
	local text = bytes_of(pair.value)
	if not text then return false end
	local value = json.decode(text)
	if value == nil then value = text end
	pair.value = value
	return true
end

-- → whether all elements of a list, which may be absent, are what `good` takes
local function all(object, field, good)
	local list = given(object[field])
	object[field] = list
	if list == nil then return true end
	if type(list) ~= "table" then return false end
	for i in ipairs(list) do
		if not good(list[i], i, list) then return false end
	end
	return true
end

--- Decodes a field that lists pairs.
---@param body table
---@param field string
---@return boolean good  false: that is no list of pairs
function decode.pairs(body, field)
	return all(body, field, decode_pair)
end

--- Decodes a field that lists keys.
---@param body table
---@param field string
---@return boolean good  false: that is no list of keys
function decode.keys(body, field)
	return all(body, field, function(text, i, list)
		list[i] = key_of(text)
		return list[i] ~= nil
	end)
end

local function decode_event(event)
	if type(event) ~= "table" then return false end
	event.type = given(event.type) or "PUT" -- the gateway leaves default values out
	event.prev_kv = given(event.prev_kv)
	return decode_pair(event.kv) and (event.prev_kv == nil or decode_pair(event.prev_kv))
end

--- Decodes a message of a watch.
---@param body table
---@return boolean good
function decode.message(body)
	body.result = given(body.result)
	if body.result == nil then return true end
	return type(body.result) == "table" and all(body.result, "events", decode_event)
end

return decode
