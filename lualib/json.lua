--- JSON in plain Lua, for where the native `cjson` is not at hand. Its numbers have 14 digits.
local json = { _version = "0.1.2" }

local floor = math.floor

-- ---- encode -----------------------------------------------------------------------------------

local ESCAPES = {
	["\\"] = "\\\\", ['"'] = '\\"', ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}
for byte = 0, 31 do
	local c = string.char(byte)
	ESCAPES[c] = ESCAPES[c] or string.format("\\u%04x", byte)
end

local function encode_string(s)
	return '"' .. s:gsub('[%z\1-\31\\"]', ESCAPES) .. '"'
end

local encode

local function encode_array(t, open)
	local parts, count = {}, 0
	for k in pairs(t) do
		if type(k) ~= "number" then error "invalid table: mixed or invalid key types" end
		count = count + 1
	end
	for i = 1, count do
		local value = rawget(t, i)
		if value == nil then error "invalid table: sparse array" end
		parts[i] = encode(value, open)
	end
	return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_object(t, open)
	local parts = {}
	for k, v in pairs(t) do
		if type(k) ~= "string" then error "invalid table: mixed or invalid key types" end
		parts[#parts + 1] = encode_string(k) .. ":" .. encode(v, open)
	end
	return "{" .. table.concat(parts, ",") .. "}"
end

-- `open` holds the tables that `value` lies in.
encode = function(value, open)
	local kind = type(value)
	if kind == "string" then return encode_string(value) end
	if kind == "number" then
		if value ~= value or value == math.huge or value == -math.huge then
			error("unexpected number value '" .. tostring(value) .. "'")
		end
		return string.format("%.14g", value)
	end
	if kind == "boolean" or kind == "nil" then return value == nil and "null" or tostring(value) end
	if kind ~= "table" then error("unexpected type '" .. kind .. "'") end
	if open[value] then error "circular reference" end
	open[value] = true
	local is_array = rawget(value, 1) ~= nil or next(value) == nil
	local text = is_array and encode_array(value, open) or not is_array and encode_object(value, open)
	open[value] = nil
	return text
end

--- The JSON text of a value. A table with something at [1], and an empty one, is an array; any other one is
--- an object, its fields in no order. Raises for what JSON cannot say: holes, mixed keys, cycles, nan, functions.
---@param value any
---@return string text
function json.encode(value)
	return encode(value, {})
end

-- ---- decode -----------------------------------------------------------------------------------

local LITERALS = { ["true"] = true, ["false"] = false, null = nil }
local IS_LITERAL = { ["true"] = true, ["false"] = true, null = true }
local UNESCAPED = {
	['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local function fail(text, at, message)
	local line, start = 1, 1
	for newline in text:sub(1, at - 1):gmatch "()\n" do
		line, start = line + 1, newline + 1
	end
	error(string.format("%s at line %d col %d", message, line, at - start + 1))
end

local function skip_blanks(text, at)
	return text:find("[^ \t\r\n]", at) or #text + 1
end

local function utf8_char(code)
	if code < 0x80 then return string.char(code) end
	local tail = string.char(0x80 + code % 64)
	code = floor(code / 64)
	if code < 0x20 then return string.char(0xc0 + code) .. tail end
	tail = string.char(0x80 + code % 64) .. tail
	code = floor(code / 64)
	if code < 0x10 then return string.char(0xe0 + code) .. tail end
	return string.char(0xf0 + floor(code / 64), 0x80 + code % 64) .. tail
end

-- The character of the escape at `at` (its backslash), and the place after it.
local function decode_escape(text, at)
	local c = text:sub(at + 1, at + 1)
	if c ~= "u" then
		if not UNESCAPED[c] then fail(text, at, "invalid escape char '" .. c .. "' in string") end
		return UNESCAPED[c], at + 2
	end
	local hex = text:match("^%x%x%x%x", at + 2)
	if not hex then fail(text, at, "invalid unicode escape in string") end
	local code = tonumber(hex, 16)
	if code >= 0xd800 and code < 0xdc00 then
		local low = text:match("^\\u([dD][c-fC-F]%x%x)", at + 6)
		if low then return utf8_char(0x10000 + (code - 0xd800) * 0x400 + tonumber(low, 16) - 0xdc00), at + 12 end
	end
	return utf8_char(code), at + 6
end

-- Each decode_* takes the place of a value's first character and gives the value and the place after it.
local function decode_string(text, first)
	local parts, at = {}, first + 1
	while true do
		local stop = text:find('[%z\1-\31\\"]', at)
		if not stop then fail(text, first, "expected closing quote for string") end
		parts[#parts + 1] = text:sub(at, stop - 1)
		local c = text:sub(stop, stop)
		if c == '"' then return table.concat(parts), stop + 1 end
		if c ~= "\\" then fail(text, stop, "control character in string") end
		parts[#parts + 1], at = decode_escape(text, stop)
	end
end

local function token(text, at)
	return text:match("^[^ \t\r\n%]},]+", at)
end

local function decode_number(text, at)
	local word = token(text, at)
	-- The digit keeps out "-inf" and "-nan", which LuaJIT's tonumber takes.
	local value = word:find "%d" and tonumber(word)
	if not value then fail(text, at, "invalid number '" .. word .. "'") end
	return value, at + #word
end

local function decode_literal(text, at)
	local word = token(text, at)
	if not IS_LITERAL[word] then fail(text, at, "invalid literal '" .. word .. "'") end
	return LITERALS[word], at + #word
end

local decode_value

local function decode_array(text, at)
	local array, n = {}, 0
	at = skip_blanks(text, at + 1)
	while text:sub(at, at) ~= "]" do
		n = n + 1
		array[n], at = decode_value(text, at)
		at = skip_blanks(text, at)
		local c = text:sub(at, at)
		if c == "," then
			at = skip_blanks(text, at + 1)
		elseif c ~= "]" then
			fail(text, at, "expected ']' or ','")
		end
	end
	return array, at + 1
end

local function decode_object(text, at)
	local object = {}
	at = skip_blanks(text, at + 1)
	while text:sub(at, at) ~= "}" do
		if text:sub(at, at) ~= '"' then fail(text, at, "expected string for key") end
		local key
		key, at = decode_string(text, at)
		at = skip_blanks(text, at)
		if text:sub(at, at) ~= ":" then fail(text, at, "expected ':' after key") end
		object[key], at = decode_value(text, skip_blanks(text, at + 1))
		at = skip_blanks(text, at)
		local c = text:sub(at, at)
		if c == "," then
			at = skip_blanks(text, at + 1)
		elseif c ~= "}" then
			fail(text, at, "expected '}' or ','")
		end
	end
	return object, at + 1
end

local DECODERS = { ['"'] = decode_string, ["["] = decode_array, ["{"] = decode_object, ["-"] = decode_number }
for digit in ("0123456789"):gmatch "." do
	DECODERS[digit] = decode_number
end
for first in ("tfn"):gmatch "." do
	DECODERS[first] = decode_literal
end

decode_value = function(text, at)
	local c = text:sub(at, at)
	local decoder = DECODERS[c]
	if not decoder then fail(text, at, "unexpected character '" .. c .. "'") end
	return decoder(text, at)
end

--- The value of a JSON text. null is nil: an absent field, a hole in an array. A comma after the last element is
--- taken. Raises with the line and column of what is wrong.
---@param text string
---@return any value
function json.decode(text)
	if type(text) ~= "string" then error("expected argument of type string, got " .. type(text)) end
	local value, at = decode_value(text, skip_blanks(text, 1))
	at = skip_blanks(text, at)
	if at <= #text then fail(text, at, "trailing garbage") end
	return value
end

return json
