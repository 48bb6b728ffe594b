-- The generator of schemas from .proto files.
local skynet = require "skynet"
local T = require "harness"

local root = skynet.getenv "case_dir" .. "/../../"

local function write(name, text)
	local file = assert(io.open(name, "w"))
	file:write(text)
	file:close()
end

local function read(name)
	local file = assert(io.open(name))
	local text = file:read "*a"
	file:close()
	return text
end

-- What the generator prints; it ends the process when it fails, which must not happen here.
local function generate(...)
	local lines, real_print, real_exit = {}, print, os.exit
	print = function(line) lines[#lines + 1] = line end
	os.exit = function() error("exit", 0) end
	pcall(assert(loadfile(root .. "tools/gen_schema.lua")), ...)
	print, os.exit = real_print, real_exit
	return table.concat(lines, "\n")
end

local function name_of(t) return tostring(getmetatable(t)) end

T.test("the schema of the project is what its .proto file gives", function()
	T.eq(generate(root .. "proto/db.proto", "out.lua"), "succ generate file from " .. root .. "proto/db.proto to out.lua")
	local made = read "out.lua":gsub("^[^\n]*\n", "")
	local kept = read(root .. "lualib/schema.lua"):gsub("^[^\n]*\n", "")
	T.eq(made, kept)
end)

T.test("lists, maps, enums, nested messages and words of Lua", function()
	write("all.proto", [[
		syntax = "proto3"; package a.b; // a comment; message x {}
		option go_package = "x"; /* message y { } */
		message item {
			enum kind { A = 0; B = 1; }
			int32 id = 1 [deprecated = true]; repeated string end = 2; kind k = 3; bool flag = 4; bytes raw = 5;
		}
		message bag {
			map<int32, item> items = 1; map<string, bool> flags = 2; repeated a.b.item list = 3;
			oneof choice { string s = 4; double d = 5; } reserved 7, 8; optional bag inner = 9;
		}
	]])
	T.eq(generate("all.proto", "all.lua"), "succ generate file from all.proto to all.lua")
	local schema = dofile "all.lua"
	T.eq({ name_of(schema.item), name_of(schema.bag) }, { "schema_item", "schema_bag" })
	local got = {}
	for _, field in ipairs { "id", "end", "k", "flag", "raw" } do got[field] = name_of(schema.item[field]) end
	T.eq(got, { id = "schema_number", ["end"] = "schema_arr_string", k = "schema_number", flag = "schema_boolean",
		raw = "schema_string" })
	got = {}
	for _, field in ipairs { "items", "flags", "list", "s", "d", "inner" } do got[field] = name_of(schema.bag[field]) end
	T.eq(got, { items = "schema_map_number_item", flags = "schema_map_string_boolean", list = "schema_arr_item",
		s = "schema_string", d = "schema_number", inner = "schema_bag" })
	T.eq(schema.bag.flags:_check_kv("a", true), true)
end)

T.test("what is wrong is named with its place", function()
	for text, message in pairs {
		["message a {\n x b = 1; }"] = "bad.proto:2: unknown type 'x'",
		["message a { int32 b = 1 }"] = "bad.proto:1: expected ';', found '}'",
		["service s {}"] = "bad.proto:1: 'service' is not supported",
		["import \"x\";"] = "bad.proto:1: 'import' is not supported",
		["message a { int32 b = 1; int32 b = 2; }"] = "bad.proto:1: message a cannot have a field 'b' (again)",
		["message a {} message a {}"] = "bad.proto:1: there are two messages a",
		["message a { map<a, string> b = 1; }"] = "bad.proto:1: 'a' cannot be the key of a map",
		["message a { int32 b = c; }"] = "bad.proto:1: expected the number of field 'b'",
		["message a {"] = "bad.proto:1: unexpected end of file",
	} do
		write("bad.proto", text)
		T.eq(generate("bad.proto", "bad.lua"), message)
	end
	T.eq(io.open "bad.lua", nil)
end)

T.test("both files must be given, and the first must be there", function()
	T.eq(generate(), "No .proto file provided")
	T.eq(generate "a.proto", "No out file provided")
	T.eq(generate("none.proto", "out.lua"), "Cannot open file: none.proto")
end)

T.run()
