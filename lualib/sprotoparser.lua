--- The schema language of sproto, and the bundle, its binary form, that sproto.new() loads.
---
---   schema    = { type | protocol }
---   type      = "." name "{" { field | type } "}"
---   field     = name tag ":" ["*"] typename [ "(" key or decimals ")" ]
---   protocol  = name tag "{" { ("request" | "response") (typename | "{" { field | type } "}") } "}"
---
--- Names are found from the inside out; # begins a comment.
local lpeg = require "lpeg"
local core = require "sproto.core"

local P, R, S, V, C, Cc, Cg, Cp, Ct, Cmt, Carg =
	lpeg.P, lpeg.R, lpeg.S, lpeg.V, lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Cp, lpeg.Ct, lpeg.Cmt, lpeg.Carg

local MAX_TAG = 0x7fff
local MAX_DECIMALS = 18

local BUILTIN = {
	integer = { buildin = 0 },
	boolean = { buildin = 1 },
	string = { buildin = 2 },
	binary = { buildin = 2, type = 1 },
	double = { buildin = 3 },
}

-- The bundle of the schema of bundles:
--   .type { name 0 : string  fields 1 : *field }
--   .field { name 0 : string  buildin 1 : integer  type 2 : integer  tag 3 : integer  array 4 : boolean
--            key 5 : integer  map 6 : boolean }
--   .protocol { name 0 : string  tag 1 : integer  request 2 : integer  response 3 : integer  confirm 4 : boolean }
--   .group { type 0 : *type  protocol 1 : *protocol }
local BUNDLES = [[
01000000d4010000ae000000020000000000050000006669656c649b0000001200000004000000060001000200040000006e616d6515000000040000
00020001000400070000006275696c64696e120000000400000002000100060004000000747970651100000004000000020001000800030000007461
671300000004000000040001000a000500000061727261791100000004000000020001000c00030000006b65791100000004000000040001000e0003
0000006d6170470000000200000000000500000067726f75703400000014000000050000000100080002000400040000007479706518000000050000
0001000600040004000800000070726f746f636f6c8d0000000200000000000800000070726f746f636f6c7700000012000000040000000600010002
00040000006e616d65110000000400000002000100040003000000746167150000000400000002000100060007000000726571756573741600000004
00000002000100080008000000726573706f6e73651500000004000000040001000a0007000000636f6e6669726d4200000002000000000004000000
74797065300000001200000004000000060001000200040000006e616d6516000000050000000100020004000400060000006669656c6473]]

local bundles = core.newproto((BUNDLES:gsub("%s", ""):gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end)))
local GROUP = core.querytype(bundles, "group")

-- ---- positions and errors ------------------------------------------------------------------------

---@class sprotoparser.source
---@field text string
---@field name string

local function line_of(source, position)
	local _, breaks = source.text:sub(1, position - 1):gsub("\n", "")
	return breaks + 1
end

-- Level 0: the position of this code would say nothing to who wrote the schema.
local function raise(source, position, text, ...)
	error(string.format("%s:%d: ", source.name, line_of(source, position)) .. string.format(text, ...), 0)
end

local function syntax_error(source, position, expected)
	-- At the end, the last line with something on it is the one to look at.
	position = source.text:find("%S", position) or #(source.text:gsub("%s+$", "")) + 1
	local found = source.text:match("^[%w_.]+", position) or source.text:match("^%S", position)
	error(string.format("syntax error at [%s] line (%d): expected %s, found %s", source.name, line_of(source, position),
		expected, found and "'" .. found .. "'" or "the end"), 0)
end

-- ---- the grammar ---------------------------------------------------------------------------------

local comment = P "#" * (1 - P "\n") ^ 0
local blank = (S " \t\r\n" + comment) ^ 0

local function token(pattern) return pattern * blank end

-- What must follow here, as there is no other way to read the text.
local function must(pattern, expected)
	return pattern + Cmt(Carg(1), function(_, position, source) syntax_error(source, position, expected) end)
end

local alpha, digit = R("az", "AZ") + P "_", R "09"
local word = alpha * (alpha + digit) ^ 0
local word_end = -(alpha + digit)
local name = token(C(word))
local typename = token(C(word * (P "." * word) ^ 0))
local tag = token(digit ^ 1 / tonumber * word_end)
local open, close = must(token(P "{"), "'{'"), token(P "}")

local function node(kind, pattern)
	return Ct(Cg(Cp(), "position") * Cg(Cc(kind), "kind") * pattern)
end

local argument = token(P "(") * Cg(token(C(digit ^ 1)) + name + Cc "", "argument") * must(token(P ")"), "a key, decimals or ')'")

local grammar = P {
	blank * Ct((V "type" + V "protocol") ^ 0) * must(-P(1), "a type (.NAME { ... }) or a protocol (NAME TAG { ... })"),
	members = open * Ct((V "field" + V "type") ^ 0) * must(close, "a field (NAME TAG : TYPE), a type or '}'"),
	type = node("type", P "." * must(Cg(name, "name"), "the name of a type") * Cg(V "members", "members")),
	field = node("field", Cg(name, "name") * must(Cg(tag, "tag"), "the tag of the field, a number") * must(token(P ":"), "':'")
		* Cg(token(P "*") * Cc(true), "array") ^ -1 * must(Cg(typename, "typename"), "the type of the field") * argument ^ -1),
	part = node("part", Cg(token(C(P "request" + P "response") * word_end), "name")
		* (Cg(typename, "typename") + Cg(V "members", "members"))),
	protocol = node("protocol", Cg(name, "name") * must(Cg(tag, "tag"), "the tag of the protocol, a number") * open
		* Cg(Ct(V "part" ^ 0), "parts") * must(close, "request, response or '}'")),
}

local function tree_of(source)
	local ok, tree = pcall(lpeg.match, grammar, source.text, 1, source)
	if ok then return tree end
	-- What lpeg itself raises says nothing of the text.
	if tree:find "too deep" or tree:find "stack overflow" then tree = source.name .. ": types nest too deep in each other" end
	error(tree, 0)
end

-- ---- from the tree to a bundle -------------------------------------------------------------------

---@class sprotoparser.schema
---@field source sprotoparser.source
---@field types table<string, table>   by full name: { name =, position =, fields = by tag }
---@field protocols table[]            in the order of the text
---@field protocol_names table<string, true>
---@field protocol_tags table<integer, true>

local function check_tag(source, item, what)
	if item.tag > MAX_TAG then raise(source, item.position, "tag %.0f of %s is beyond %d", item.tag, what, MAX_TAG) end
end

local function add_type(schema, full_name, position, members)
	local source = schema.source
	if schema.types[full_name] then raise(source, position, "redefined %s", full_name) end
	local kind = { name = full_name, position = position, fields = {} }
	schema.types[full_name] = kind
	local names, tags = {}, {}
	for _, item in ipairs(members) do
		if item.kind == "type" then
			add_type(schema, full_name .. "." .. item.name, item.position, item.members)
		else
			check_tag(source, item, item.name)
			if names[item.name] then raise(source, item.position, "redefine %s in type %s", item.name, full_name) end
			if tags[item.tag] then raise(source, item.position, "redefine tag %d in type %s", item.tag, full_name) end
			names[item.name], tags[item.tag] = item, item
			kind.fields[#kind.fields + 1] = item
		end
	end
	table.sort(kind.fields, function(a, b) return a.tag < b.tag end)
	kind.names = names
end

local function add_protocol(schema, item)
	local source, seen = schema.source, {}
	check_tag(source, item, item.name)
	if schema.protocol_names[item.name] then raise(source, item.position, "redefined %s", item.name) end
	if schema.protocol_tags[item.tag] then
		raise(source, item.position, "redefined protocol tag %d at %s", item.tag, item.name)
	end
	schema.protocol_names[item.name], schema.protocol_tags[item.tag] = true, true
	for _, part in ipairs(item.parts) do
		if seen[part.name] then raise(source, part.position, "redefine %s in protocol %s", part.name, item.name) end
		seen[part.name] = part
		if part.members then
			part.typename = item.name .. "." .. part.name
			add_type(schema, part.typename, part.position, part.members)
		end
	end
	item.request, item.response = seen.request, seen.response
	schema.protocols[#schema.protocols + 1] = item
end

-- The type that `typename` means inside the type `scope`.
local function find_type(schema, scope, typename)
	while scope ~= "" do
		local found = schema.types[scope .. "." .. typename]
		if found then return found end
		scope = scope:match "^(.*)%.[^.]*$" or ""
	end
	return schema.types[typename]
end

local function map_field(schema, kind, field, element)
	if field.argument == "" then
		if #element.fields ~= 2 then
			raise(schema.source, field.position, "Invalid map definition: %s, must only have two fields", field.name)
		end
		return element.fields[1]
	end
	local key = element.names[field.argument]
	if not key then raise(schema.source, field.position, "Invalid map index :%s", field.argument) end
	return key
end

local function struct_field(schema, kind, field)
	local source = schema.source
	local element = find_type(schema, kind.name, field.typename)
	if not element then raise(source, field.position, "Undefined type %s in type %s", field.typename, kind.name) end
	local packed = { name = field.name, type = element.index, tag = field.tag, array = field.array }
	if not field.argument then return packed end
	if not field.array then
		raise(source, field.position, "%s in type %s has a key, but is no array", field.name, kind.name)
	end
	local key = map_field(schema, kind, field, element)
	if key.array or not BUILTIN[key.typename] then
		raise(source, field.position, "Invalid map index :%s, it must be a number, a boolean or a string", key.name)
	end
	packed.key = key.tag
	packed.map = field.argument == "" or nil
	return packed
end

local function builtin_field(schema, kind, field)
	local builtin = BUILTIN[field.typename]
	local packed = { name = field.name, buildin = builtin.buildin, type = builtin.type, tag = field.tag, array = field.array }
	if field.argument then
		local decimals = tonumber(field.argument)
		if field.typename ~= "integer" or not decimals or decimals > MAX_DECIMALS then
			raise(schema.source, field.position, "(%s) of %s in type %s: only integers have decimals, at most %d",
				field.argument, field.name, kind.name, MAX_DECIMALS)
		end
		packed.type = decimals
	end
	return packed
end

local function pack_type(schema, kind)
	local fields = {}
	for i, field in ipairs(kind.fields) do
		local pack = BUILTIN[field.typename] and builtin_field or struct_field
		fields[i] = pack(schema, kind, field)
	end
	return { name = kind.name, fields = fields[1] and fields }
end

local function part_index(schema, protocol, part)
	if not part then return nil end
	local kind = find_type(schema, protocol.name, part.typename)
	if not kind then
		raise(schema.source, part.position, "Undefined %s type %s in protocol %s", part.name, part.typename, protocol.name)
	end
	return kind.index
end

local function pack_protocol(schema, protocol)
	local response, confirm = protocol.response, nil
	if response and response.typename == "nil" then response, confirm = nil, true end
	return {
		name = protocol.name,
		tag = protocol.tag,
		request = part_index(schema, protocol, protocol.request),
		response = part_index(schema, protocol, response),
		confirm = confirm,
	}
end

local function sorted_types(schema)
	local types = {}
	for _, kind in pairs(schema.types) do types[#types + 1] = kind end
	table.sort(types, function(a, b) return a.name < b.name end)
	for i, kind in ipairs(types) do kind.index = i - 1 end
	return types
end

local parser = {}

--- The bundle of a schema. An error says the name, the line, and what is wrong or was expected there.
---@param text string
---@param name? string  what errors call the text, such as its file; default "=text"
---@return string bundle
function parser.parse(text, name)
	if type(text) ~= "string" then error("sprotoparser.parse: the text of a schema is a string, not a " .. type(text), 2) end
	local source = { text = text, name = name or "=text" }
	local schema = { source = source, types = {}, protocols = {}, protocol_names = {}, protocol_tags = {} }
	for _, item in ipairs(tree_of(source)) do
		if item.kind == "type" then
			add_type(schema, item.name, item.position, item.members)
		else
			add_protocol(schema, item)
		end
	end
	local types, protocols = sorted_types(schema), schema.protocols
	table.sort(protocols, function(a, b) return a.tag < b.tag end)
	local group = { type = types[1] and {}, protocol = protocols[1] and {} }
	for i, kind in ipairs(types) do group.type[i] = pack_type(schema, kind) end
	for i, protocol in ipairs(protocols) do group.protocol[i] = pack_protocol(schema, protocol) end
	if protocols[1] and not types[1] then
		raise(source, protocols[1].position, "protocol %s, but the schema has no type", protocols[1].name)
	end
	return core.encode(GROUP, group)
end

--- Prints bytes in hex, 16 to a line.
---@param bytes string
function parser.dump(bytes)
	for at = 1, #bytes, 16 do
		local line = bytes:sub(at, at + 15)
		print((line:gsub(".", function(byte) return string.format("%02X ", byte:byte()) end)))
	end
end

return parser
