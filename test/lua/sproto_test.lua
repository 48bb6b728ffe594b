-- config: lua54 = "sproto_user_54;sharetabled"
-- config: luajit = "sproto_user_jit"
-- sproto: bytes of the format's description in and out, hostile bytes, what errors of a schema say, and sharing between
-- services. What skynet itself does is in the conformance cases data/sproto_*.
local skynet = require "skynet"
local sproto = require "sproto"
local core = require "sproto.core"
local parser = require "sprotoparser"
local loader = require "sprotoloader"
local sharetable = require "skynet.sharetable"
local int64 = require "int64"
local T = require "harness"

local function unhex(hex)
	return (hex:gsub("%s", ""):gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

local function hex(bytes)
	return (bytes:gsub(".", function(byte) return string.format("%02x", byte:byte()) end))
end

local sp = sproto.parse [[
.Person { name 0 : string  age 1 : integer  marital 2 : boolean  children 3 : *Person }
.Data { numbers 0 : *integer  number 1 : integer  fixed 2 : integer(2)  bytes 3 : binary  texts 4 : *string }
.KV { k 0 : string  v 1 : integer }
.Maps { byname 0 : *Person(name)  map 1 : *KV() }
]]

T.test("a struct in a struct, as the format's description has it", function()
	local bob = { name = "Bob", age = 40, children = { { name = "Alice", age = 13 }, { name = "Carol", age = 5 } } }
	local bytes = unhex [[0400 0000 5200 0100 0000 03000000 426f62 26000000 0f000000 0200 0000 1c00 05000000 416c696365
		0f000000 0200 0000 0c00 05000000 4361726f6c]]
	T.eq(hex(sp:encode("Person", bob)), hex(bytes))
	T.eq((sp:decode("Person", bytes)), bob)
end)

T.test("lengths that wrap around raise", function()
	for _, length in ipairs { "fcffffff", "fdffffff", "feffffff", "ffffffff" } do
		T.raises("decode error", sp.decode, sp, "Person", unhex("0100 0000" .. length .. "41424344"))
		T.raises("decode error", sp.decode, sp, "Data", unhex("0200 0700 0000 04000000" .. length))
	end
end)

T.test("a bundle whose type has an empty list of fields is a type without fields", function()
	local empty = sproto.new(unhex "0100 0000 13000000 0f000000 0200 0000 0000 01000000 41 00000000")
	T.eq(hex(empty:encode("A", { x = 1 })), "0000")
end)

T.test("whole numbers of 64 bits stay exact", function()
	local bytes = unhex "0200 0100 0000 08000000 ffffffffffffff7f"
	local number = sp:decode("Data", bytes).number
	T.eq(int64.tostring(number), "9223372036854775807")
	T.eq(hex(sp:encode("Data", { number = number })), hex(bytes))
	T.raises("Data.number[0] is not an integer", sp.encode, sp, "Data", { number = 2 ^ 63 })
	T.raises("Data.fixed[0] is not a number of 64 bits", sp.encode, sp, "Data", { fixed = 1e30 })
	T.raises("Data.fixed[0] is not a number of 64 bits", sp.encode, sp, "Data", { fixed = 0 / 0 })
end)

T.test("a number of an array that needs 8 bytes widens those before it", function()
	local numbers = {}
	for i = 1, 300 do numbers[i] = i % 2 == 0 and i or -i end
	numbers[301] = 2 ^ 40
	T.eq(sp:decode("Data", sp:encode("Data", { numbers = numbers })).numbers, numbers)
end)

T.test("elements of the wrong type say their place", function()
	T.raises("Person.children[2] is not a table (Is a number)", sp.encode, sp, "Person", { children = { {}, 2 } })
	T.raises("Data.texts[3] is not a string (Is a boolean)", sp.encode, sp, "Data", { texts = { "a", "b", false } })
	T.raises("Maps.byname[0] is not a table (Is a string)", sp.encode, sp, "Maps", { byname = { a = "x" } })
end)

T.test("a type of more fields than stand on the stack at once", function()
	local fields, value = {}, {}
	for i = 0, 99 do
		fields[#fields + 1] = ("f%d %d : integer"):format(i, i * 3)
		value["f" .. i] = i
	end
	local wide = sproto.parse(".Wide { " .. table.concat(fields, " ") .. " }\n.List { all 0 : *Wide }")
	local list = { all = { value, { f7 = 1 }, value } }
	T.eq((wide:decode("List", wide:encode("List", list))), list)
end)

T.test("deep structs, wide at each level", function()
	local tree = {}
	for depth = 1, 60 do
		tree = { name = "level " .. depth, children = { { age = depth }, tree, { age = -depth } } }
	end
	T.eq((sp:decode("Person", sp:encode("Person", tree))), tree)
end)

T.test("shared tables are encoded like any other", function()
	local bob = { name = "Bob", age = 40, children = { { name = "Alice", age = 13 }, { name = "Carol", age = 5 } } }
	sharetable.loadtable("sproto_test", { bob = bob, maps = { byname = { x = { name = "x" } }, map = { a = 1 } } })
	local shared = sharetable.query "sproto_test"
	T.eq(hex(sp:encode("Person", shared.bob)), hex(sp:encode("Person", bob)))
	T.eq((sp:decode("Maps", sp:encode("Maps", shared.maps))), { byname = { x = { name = "x" } }, map = { a = 1 } })
end)

T.test("decode takes a pointer, and fills the table it is given through its metatable", function()
	local bytes = sp:encode("Person", { name = "Bob", age = 3 })
	local pointer, size = skynet.pack(1)
	T.raises("decode error", sp.decode, sp, "Person", pointer, size)
	skynet.trash(pointer, size)
	local _, _, null = core.protocol(core.newproto(parser.parse ".A {}\nask 1 { response nil }"), "ask")
	T.raises("a null pointer", sp.decode, sp, "Person", null, 3)
	T.raises("the userdata is smaller", sp.decode, sp, "Person", io.stdout, 60000)
	T.raises("the userdata is smaller", core.pack, io.stdout, 60000)
	T.raises("the userdata is smaller", core.unpack, io.stdout, 60000)
	local seen = {}
	sp:decode("Person", bytes, setmetatable({}, { __newindex = function(_, key, value) seen[key] = value end }))
	T.eq(seen, { name = "Bob", age = 3 })
	-- Behind a string there may be its size, or nil.
	T.eq(sp:decode("Person", bytes, nil, { age = 1, marital = true }), { name = "Bob", age = 3, marital = true })
	T.eq(sp:decode("Person", bytes, #bytes, { marital = true }), { name = "Bob", age = 3, marital = true })
end)

T.test("a type outlives its schema's object", function()
	local cobj = core.newproto(parser.parse ".A { a 0 : integer }")
	local kind = core.querytype(cobj, "A")
	core.deleteproto(cobj)
	T.raises("was deleted", core.querytype, cobj, "A")
	collectgarbage()
	T.eq(hex(core.encode(kind, { a = 1 })), "01000400")
end)

T.test("what is no type is refused", function()
	for _, bad in ipairs { 1, "A", {}, io.stdout } do
		T.raises(nil, core.encode, bad, {})
		T.raises(nil, core.decode, bad, "")
		T.raises(nil, core.default, bad)
		T.raises(nil, core.protocol, bad, 1)
	end
end)

T.test("a syntax error says file, line, what was expected and what is there", function()
	T.raises("syntax error at [game.sproto] line (2): expected ':', found 'integer'",
		parser.parse, ".A {\n a 0 integer }", "game.sproto")
	T.raises("syntax error at [=text] line (1): expected the tag of the field, a number, found ':'",
		parser.parse, ".A { a : integer }")
	T.raises("expected the name of a type, found '{'", parser.parse, ". { }")
	T.raises("line (2): expected a field (NAME TAG : TYPE), a type or '}', found the end", parser.parse, ".A {\n a 0 : integer\n\n\n")
end)

T.test("errors of meaning say where the text is wrong", function()
	T.raises("game.sproto:3: redefine tag 0 in type A", parser.parse, ".A {\n a 0 : integer\n b 0 : string }", "game.sproto")
	T.raises("=text:2: Undefined type B in type A", parser.parse, ".A {\n a 0 : B }")
	T.raises("=text:1: tag 32768 of a is beyond 32767", parser.parse, ".A { a 32768 : integer }")
	T.raises("only integers have decimals", parser.parse, ".A { a 0 : string(2) }")
	T.raises("only integers have decimals, at most 18", parser.parse, ".A { a 0 : integer(19) }")
	T.raises("has a key, but is no array", parser.parse, ".B { x 0 : integer } .A { a 0 : B(x) }")
	T.raises("Invalid map index :x", parser.parse, ".B { x 0 : *integer } .A { a 0 : *B(x) }")
end)

T.test("tags and depths without bound are errors that say so", function()
	for text, message in pairs {
		[".A { a 99999999999999999999 : integer }"] = "=text:1: tag 100000000000000000000 of a is beyond 32767",
		[".A { a 32768 : integer\n b 32768 : integer }"] = "=text:1: tag 32768 of a is beyond 32767",
		[".A {}\np 99999999999999999999 {}"] = "=text:2: tag 100000000000000000000 of p is beyond 32767",
		[(".A {"):rep(10000) .. ("}"):rep(10000)] = "=text: types nest too deep in each other",
	} do
		T.eq({ pcall(parser.parse, text) }, { false, message })
	end
	T.raises("a string, not a nil", parser.parse)
	local nested = ""
	for i = 1, 30 do nested = nested .. ".A" .. i .. " {" end
	T.ok(sproto.parse(nested .. "x 0 : integer" .. ("}"):rep(30)):exist_type "A1.A2.A3")
end)

T.test("the schema of bundles that the parser carries is what it would make itself", function()
	local bundle = parser.parse [[
		.type { name 0 : string  fields 1 : *field }
		.field { name 0 : string  buildin 1 : integer  type 2 : integer  tag 3 : integer  array 4 : boolean
			key 5 : integer  map 6 : boolean }
		.protocol { name 0 : string  tag 1 : integer  request 2 : integer  response 3 : integer  confirm 4 : boolean }
		.group { type 0 : *type  protocol 1 : *protocol }
	]]
	local text = ".A { a 0 : integer b 7 : *A(a) }\nfoo 1 { request A response nil }"
	local group = sproto.new(bundle):decode("group", parser.parse(text))
	T.eq(group.type[1].fields[2], { name = "b", type = 0, tag = 7, array = true, key = 0 })
	T.eq(group.protocol[1], { name = "foo", tag = 1, request = 0, confirm = true })
	T.eq(hex(sproto.new(bundle):encode("group", group)), hex(parser.parse(text)))
end)

T.test("a field with the highest tag is loaded and encoded", function()
	local far = sproto.parse ".A { a 32767 : integer }"
	T.eq((far:decode("A", far:encode("A", { a = 5 }))), { a = 5 })
end)

T.test("one engine uses what another one has saved", function()
	loader.save(parser.parse ".Shared { x 0 : integer }", 7)
	for _, engine in ipairs { "54", "jit" } do
		local user = skynet.newservice("sproto_user_" .. engine)
		T.eq(hex(skynet.call(user, "lua", 7, "Shared", { x = 9 })), "01001400")
		skynet.kill(user)
	end
	T.raises("the bundle is damaged", loader.save, "xx", 7)
	T.eq(loader.load(7):exist_type "Shared", true)
end)

-- A table with a metatable is read with the interface of Lua, one without where the engine keeps it; and what is decoded
-- often is made in another way.
T.test("both ways to read and to make a table agree", function()
	local random = T.random(5)
	local function list(length, element)
		local t = {}
		for i = 1, length do t[i] = element(i) end
		return t
	end
	local function person(depth)
		local children = depth < 3 and random(2) == 1 and list(random(3) - 1, function() return person(depth + 1) end) or nil
		return {
			name = random(4) > 1 and ("n"):rep(random(60)) or nil,
			age = random(3) > 1 and (random(100000) - 500) * random(2) ^ 20 or nil,
			marital = ({ true, false })[random(3)],
			children = children,
		}
	end
	local function data()
		return {
			numbers = list(random(5) - 1, function() return random(9) == 1 and 2 ^ 40 or random(70000) - 9 end),
			number = random(2) == 1 and 2 ^ 33 or 3,
			fixed = random(1000) / 4,
			bytes = random(2) == 1 and "\0\1" or nil,
			texts = list(random(4) - 1, function(i) return ("x"):rep(i * 30) end),
		}
	end
	for _ = 1, 1000 do
		for kind, value in pairs { Person = person(0), Data = data(), Maps = { byname = { person(3), k = person(3) } } } do
			local bytes = sp:encode(kind, value)
			T.eq(hex(sp:encode(kind, setmetatable(value, {}))), hex(bytes))
			if kind ~= "Maps" then T.eq((sp:decode(kind, bytes)), setmetatable(value, nil)) end
		end
	end
end)

T.test("what is not plain in a plain table is asked for", function()
	local person = setmetatable({}, { __index = { name = "asked" } })
	T.eq(sp:decode("Person", sp:encode("Person", { children = { person } })), { children = { { name = "asked" } } })
	T.eq(sp:decode("Data", sp:encode("Data", { number = "12", numbers = { 1, "2" } })), { number = 12, numbers = { 1, 2 } })
	T.raises("Person.children[2] is not a table", sp.encode, sp, "Person", { children = { {}, 5 } })
end)

T.run()
