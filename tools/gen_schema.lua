-- Makes the module `schema` (see lualib/schema_base.lua) from a .proto file.
--
--     lua tools/gen_schema.lua IN.proto OUT.lua
--
-- Understood is proto3, one file without imports: messages (also nested: by their last name), enums, oneof, repeated and
-- map fields; options, reserved names and comments are skipped. Services are not.

local SCALARS = {
	bool = "boolean", string = "string", bytes = "string", double = "number", float = "number",
	int32 = "number", int64 = "number", uint32 = "number", uint64 = "number", sint32 = "number", sint64 = "number",
	fixed32 = "number", fixed64 = "number", sfixed32 = "number", sfixed64 = "number",
}
local SCHEMA_SCALARS = { boolean = true, number = true, string = true }
-- Names that a message's checks take.
local TAKEN = { _check_k = true, _check_kv = true, _value = true }

-- ---- the parser -------------------------------------------------------------------------------

---@class parser
---@field tokens { text: string, line: integer }[]
---@field at integer

local function fail(parser, message)
	local token = parser.tokens[parser.at] or parser.tokens[#parser.tokens]
	error({ message = string.format("%s:%d: %s", parser.name, token and token.line or 1, message) }, 0)
end

local function blank(comment)
	return (comment:gsub("[^\n]", " "))
end

local function tokenize(text)
	local tokens, line, at = {}, 1, 1
	text = text:gsub("/%*.-%*/", blank):gsub("//[^\n]*", blank)
	while true do
		local from = text:find("%S", at)
		if not from then return tokens end
		for _ in text:sub(at, from - 1):gmatch "\n" do
			line = line + 1
		end
		local token = text:match("^[%w_.]+", from) or text:match('^"[^"\n]*"', from) or text:match("^'[^'\n]*'", from)
			or text:sub(from, from)
		tokens[#tokens + 1] = { text = token, line = line }
		at = from + #token
	end
end

local function peek(parser)
	local token = parser.tokens[parser.at]
	return token and token.text
end

local function take(parser, want)
	local text = peek(parser)
	if not text then fail(parser, "unexpected end of file" .. (want and ", expected '" .. want .. "'" or "")) end
	if want and text ~= want then fail(parser, "expected '" .. want .. "', found '" .. text .. "'") end
	parser.at = parser.at + 1
	return text
end

local function take_word(parser, pattern, what)
	local text = peek(parser)
	if text and not text:find(pattern) then fail(parser, "expected " .. what .. ", found '" .. text .. "'") end
	return take(parser)
end

local function take_name(parser, what)
	return take_word(parser, "^[%a_][%w_]*$", what)
end

local function take_type(parser)
	return take_word(parser, "^%.?[%a_][%w_.]*$", "a type")
end

local function skip_statement(parser)
	local depth = 0
	while true do
		local text = take(parser)
		if text == "{" then depth = depth + 1 end
		if text == "}" then depth = depth - 1 end
		if depth == 0 and (text == ";" or text == "}") then return end
	end
end

-- { base = NAME [, repeated = true] [, key = NAME] }
local function parse_type(parser)
	local word = take_type(parser)
	if word == "repeated" then return { repeated = true, base = take_type(parser) } end
	if word == "optional" then word = take_type(parser) end
	if word ~= "map" or peek(parser) ~= "<" then return { base = word } end
	take(parser, "<")
	local key = take_type(parser)
	if not SCALARS[key] then fail(parser, "'" .. key .. "' cannot be the key of a map") end
	take(parser, ",")
	local value = take_type(parser)
	take(parser, ">")
	return { key = key, base = value }
end

local parse_message

local function parse_field(parser, message)
	local start = parser.at
	local field = parse_type(parser)
	field.at = start
	field.name = take_name(parser, "the name of a field")
	take(parser, "=")
	if not take(parser):find "^%d" then fail(parser, "expected the number of field '" .. field.name .. "'") end
	if peek(parser) == "[" then
		repeat until take(parser) == "]"
	end
	take(parser, ";")
	if TAKEN[field.name] or message.fields[field.name] then
		fail(parser, "message " .. message.name .. " cannot have a field '" .. field.name .. "' (again)")
	end
	message.fields[field.name] = field
	message.fields[#message.fields + 1] = field
end

local function parse_enum(parser)
	take(parser, "enum")
	parser.enums[take_name(parser, "the name of an enum")] = true
	skip_statement(parser)
end

local function parse_body(parser, message)
	take(parser, "{")
	while peek(parser) ~= "}" do
		local word = peek(parser)
		if word == "message" then
			parse_message(parser)
		elseif word == "enum" then
			parse_enum(parser)
		elseif word == "oneof" then
			take(parser)
			take_name(parser, "the name of a oneof")
			parse_body(parser, message)
		elseif word == "option" or word == "reserved" or word == ";" then
			skip_statement(parser)
		else
			parse_field(parser, message)
		end
	end
	take(parser, "}")
end

parse_message = function(parser)
	take(parser, "message")
	local message = { name = take_name(parser, "the name of a message"), fields = {} }
	if parser.messages[message.name] then fail(parser, "there are two messages " .. message.name) end
	if SCHEMA_SCALARS[message.name] then fail(parser, message.name .. " is the name of a scalar type") end
	parser.messages[message.name] = message
	parser.messages[#parser.messages + 1] = message
	parse_body(parser, message)
end

local function parse(name, text)
	local parser = { name = name, tokens = tokenize(text), at = 1, messages = {}, enums = {} }
	while peek(parser) do
		local word = peek(parser)
		if word == "message" then
			parse_message(parser)
		elseif word == "enum" then
			parse_enum(parser)
		elseif word == "syntax" or word == "package" or word == "option" or word == ";" then
			skip_statement(parser)
		else
			fail(parser, "'" .. word .. "' is not supported")
		end
	end
	return parser
end

-- ---- the types --------------------------------------------------------------------------------

-- The name that a type of the file has in the schema.
local function schema_name(parser, name, field)
	if SCALARS[name] then return SCALARS[name] end
	name = name:match "[^.]+$" or name
	if parser.enums[name] then return "number" end
	if parser.messages[name] then return name end
	parser.at = field.at
	fail(parser, "unknown type '" .. name .. "'")
end

-- Names each field's type, and lists the types of lists and maps that are needed.
local function resolve(parser)
	local containers = {}
	for _, message in ipairs(parser.messages) do
		for _, field in ipairs(message.fields) do
			local value = schema_name(parser, field.base, field)
			field.type = value
			if field.repeated or field.key then
				local key = field.key and schema_name(parser, field.key, field) or "number"
				field.type = field.key and "map_" .. key .. "_" .. value or "arr_" .. value
				if parser.messages[field.type] then fail(parser, "message " .. field.type .. " has the name of a list or map") end
				if not containers[field.type] then
					containers[field.type] = true
					containers[#containers + 1] = { name = field.type, key = key, value = value }
				end
			end
		end
	end
	table.sort(containers, function(a, b) return a.name < b.name end)
	return containers
end

-- ---- the output -------------------------------------------------------------------------------

-- Lua's words cannot follow a dot.
local KEYWORDS = {}
for word in ([[and break do else elseif end false for function global goto if in local nil not or repeat return then true
	until while]]):gmatch "%a+" do
	KEYWORDS[word] = true
end

local function index(name)
	return KEYWORDS[name] and string.format("[%q]", name) or "." .. name
end

local function expression(type_name)
	return SCHEMA_SCALARS[type_name] and type_name or "schema" .. index(type_name)
end

local function generate(parser, containers)
	local out = {}
	local function put(...)
		out[#out + 1] = string.format(...)
	end
	put("-- Auto generate from %s", parser.name)
	put 'local schema_base = require "schema_base"'
	put ""
	put "local boolean, number, string = schema_base.boolean, schema_base.number, schema_base.string"
	put ""
	put "local schema = {}"
	put ""
	for _, message in ipairs(parser.messages) do
		put("schema%s = schema_base.define(%q, {", index(message.name), message.name)
		put "\t_check_k = schema_base.check_k,"
		put "\t_check_kv = schema_base.check_kv,"
		put "})"
	end
	for _, t in ipairs(containers) do
		put("schema%s = schema_base.define(%q, {", index(t.name), t.name)
		put("\t_check_k = schema_base.check_k_func(%s),", t.key)
		put("\t_check_kv = schema_base.check_kv_func(%s, %s),", t.key, expression(t.value))
		put("\t_value = %s,", expression(t.value))
		put "})"
	end
	for _, message in ipairs(parser.messages) do
		put ""
		for _, field in ipairs(message.fields) do
			put("schema%s%s = %s", index(message.name), index(field.name), expression(field.type))
		end
	end
	put ""
	put "return schema"
	return table.concat(out, "\n") .. "\n"
end

-- ---- the command ------------------------------------------------------------------------------

local function quit(message)
	print(message)
	os.exit(1)
end

local function main(input, output)
	if not input then quit "No .proto file provided" end
	if not output then quit "No out file provided" end
	local file = io.open(input, "r")
	if not file then quit("Cannot open file: " .. input) end
	local text = file:read "*a"
	file:close()
	local ok, result = pcall(function()
		local parser = parse(input, text)
		return generate(parser, resolve(parser))
	end)
	if not ok then quit(type(result) == "table" and result.message or result) end
	file = io.open(output, "w")
	if not file then quit("Cannot open file: " .. output) end
	file:write(result)
	file:close()
	print(string.format("succ generate file from %s to %s", input, output))
end

main(...)
