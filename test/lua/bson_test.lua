-- bson beyond what the conformance cases ask.
local skynet = require "skynet"
local bson = require "bson"
local stm = require "skynet.stm"
local T = require "harness"

local JIT = skynet.engine() == "luajit"

local function unhex(text)
	return (text:gsub("%s", ""):gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

local function hex(text)
	return (text:gsub(".", function(c) return string.format("%02x", c:byte()) end))
end

local function encoded(value) return hex(tostring(bson.encode(value))) end

-- Bytes as a document that lies somewhere in memory.
local function decode_pointer(text, with_size)
	local writer = stm.new(unhex(text))
	local reader = stm.newcopy(stm.copy(writer))
	local _, value = reader(function(msg, size)
		if with_size then return bson.decode(msg, size) end
		return bson.decode(msg)
	end)
	return value
end

T.test("the bytes of the specification's examples", function()
	for _, row in ipairs {
		{ "0c0000001061000100000000", 1 }, { "0c000000106100ffffffff00", -1 },
		{ "10000000126100000000800000000000", 2147483648 }, { "10000000016100000000000000f83f00", 1.5 },
		{ "0f0000000261000300000068690000", "hi" }, { "0d000000026100010000000000", "" },
		{ "090000000861000100", true }, { "1b0000000461001300000010300001000000103100020000000000", { 1, 2 } },
		{ "0d000000036100050000000000", {} }, { "140000000361000c000000106200010000000000", { b = 1 } },
		{ "080000000a610000", bson.null }, { "08000000ff610000", bson.minkey }, { "080000007f610000", bson.maxkey },
		{ "10000000096100e80300000000000000", bson.date(1) }, { "10000000116100020000000100000000", bson.timestamp(1, 2) },
		{ "0d0000000b6100616200690000", bson.regex("ab", "i") }, { "10000000056100030000000078797a00", bson.binary "xyz" },
		{ "140000000761000123456789abcdef0123456700", bson.objectid "0123456789abcdef01234567" },
	} do
		T.eq(encoded { a = row[2] }, row[1])
		T.eq(decode_pointer(row[1]), { a = row[2] }, row[1])
		T.eq(bson.decode(unhex(row[1])), { a = row[2] }, "as a string")
	end
	T.eq(encoded { a = bson.int64(1) }, "10000000126100010000000000000000")
	T.eq(encoded {}, "0500000000")
end)

T.test("integers of 64 bits stay exact", function()
	for _, row in ipairs {
		{ "ffffffffffffff7f", "9223372036854775807" }, { "0000000000000080", "-9223372036854775808" },
		{ "0100000000002000", "9007199254740993" }, { "0000000000002000", "9007199254740992" },
	} do
		local bytes = "10000000 12 6100" .. row[1] .. "00"
		local value = decode_pointer(bytes).a
		T.eq(hex(tostring(bson.encode { a = value })), hex(unhex(bytes)))
		T.eq(hex(tostring(bson.encode { a = bson.int64(value) })), hex(unhex(bytes)))
		T.eq(hex(tostring(bson.encode { a = { value } }:decode().a[1] == value and bson.encode { a = value })), hex(unhex(bytes)))
		T.eq(type(value) == "number" and ("%d"):format(value) or tostring(value):match "^-?%d+", row[2])
		local kind, number = bson.type(bson.int64(value))
		T.eq({ kind, number == value }, { "int64", true })
		T.eq((bson.type(value)), "number")
	end
end)

T.test("a double stays a double where an integer would not be the same", function()
	T.eq(encoded { a = 2 ^ 60 }, "10000000016100000000000000b04300")
	T.eq(encoded { a = -0.0 }, "10000000016100000000000000008000")
	T.eq(encoded { a = 1e300 }:sub(9, 10), "01")
end)

T.test("documents that are too deep are refused in both directions", function()
	local function nested(levels)
		local value = {}
		for _ = 2, levels do value = { a = value } end
		return value
	end
	T.eq(bson.encode(nested(129)):decode(), nested(129))
	T.raises("Too depth while encoding bson", bson.encode, nested(130))
	local text = "0500000000"
	for _ = 1, 255 do
		local size = #text / 2 + 8
		text = ("%02x%02x0000036100%s00"):format(size % 256, math.floor(size / 256), text)
	end
	T.ok(bson.decode(unhex(text)))
	local size = #text / 2 + 8
	T.raises("Too depth while decoding bson", bson.decode,
		unhex(("%02x%02x0000036100%s00"):format(size % 256, math.floor(size / 256), text)))
end)

T.test("documents nested a hundred thousand deep do not overflow the stack", function()
	local parts, levels = {}, 100000
	for level = levels, 1, -1 do
		local size = level * 8 + 5
		parts[#parts + 1] = string.char(size % 256, math.floor(size / 256) % 256, math.floor(size / 65536), 0) .. "\3a\0"
	end
	local text = table.concat(parts) .. "\5\0\0\0\0" .. ("\0"):rep(levels)
	T.raises("Too depth while decoding bson", bson.decode, text)
end)

T.test("lengths that lie are refused", function()
	for _, bytes in ipairs {
		"0e000000 05 6100 ffffffff 00 ff 00", "0e000000 05 6100 00000080 00 ff 00", "10000000 03 6100 ffffffff 00000000 00",
		"10000000 04 6100 00000080 00000000 00", "10000000 03 6100 04000000 00000000 00",
		"17000000 0f 6100 ff000000 02000000 7800 0500000000 00", "17000000 0f 6100 0f000000 02000000 7800 0600000000 00",
		"04000000", "00000000", "ffffffff", "00000080",
	} do
		T.raises("Invalid bson block", decode_pointer, bytes)
	end
	for _, bytes in ipairs { "0e000000 0d 6100 ffffffff 6100 00", "0e000000 0e 6100 00000000 6100 00", "0e000000 0d 6100 00000080 6100 00" } do
		T.raises("Invalid bson string , length = ", decode_pointer, bytes)
	end
	T.raises("no zero byte at its end", decode_pointer, "0e000000 02 6100 02000000 6161 00")
	T.raises("Invalid bson block", bson.decode, "")
	T.raises("Invalid bson block", bson.decode, "\5\0\0")
	T.raises("Invalid bson block (5:6)", bson.decode, "\6\0\0\0\0")
	T.raises("Invalid bson block", decode_pointer, "06000000 00", true)
	T.eq(decode_pointer("0500000000 ffff", true), {})
end)

T.test("every truncation of a document is refused", function()
	local text = tostring(bson.encode { a = 1, b = { 1.5, "x", true, bson.null }, c = { d = bson.date(1), e = bson.binary "zz" },
		f = bson.regex("a", "i"), g = bson.objectid(), h = bson.timestamp(1, 2), i = bson.minkey })
	for size = 0, #text - 1 do
		T.raises("Invalid", bson.decode, text:sub(1, size))
	end
	-- Cut, with a length that says so.
	for size = 5, #text - 2 do
		local cut = string.char(size, 0, 0, 0) .. text:sub(5, size - 1) .. "\0"
		local ok, value = pcall(bson.decode, cut)
		T.ok(ok and type(value) == "table" or tostring(value):find("Invalid", 1, true))
	end
end)

T.test("values that Lua has no type for come back as they were", function()
	for _, bytes in ipairs {
		"16000000 0c 6100 02000000 6100 0102030405060708090a0b0c 00", "0e000000 0d 6100 02000000 7800 00", "0e000000 0e 6100 02000000 7800 00",
		"17000000 0f 6100 0f000000 02000000 7800 0500000000 00", "18000000 13 6100 000102030405060708090a0b0c0d0e0f 00",
		"0e000000 05 6100 01000000 80 ff 00", "10000000 09 6100 18fcffffffffffff 00", "10000000 09 6100 0000000000000080 00",
		"10000000 09 6100 ffffffffffffff7f 00", "10000000 11 6100 ffffffff ffffffff 00",
	} do
		local text = unhex(bytes)
		text = string.char(#text) .. text:sub(2)
		T.eq(hex(tostring(bson.encode(bson.decode(text)))), hex(text))
	end
end)

T.test("dates before 1970 and after 2106 are kept", function()
	for _, seconds in ipairs { -1, -86400 * 365 * 100, 4294967296, 2 ^ 40 } do
		local date = bson.date(math.floor(seconds))
		T.eq({ bson.type(date) }, { "date", seconds })
		T.eq(bson.encode({ a = date }):decode().a, date)
	end
	T.eq(hex(bson.date(4294967295)), "0009ffffffff")
	T.raises("milliseconds", bson.date, -2 ^ 62)
end)

T.test("special strings of a wrong length are refused by their kind", function()
	for text, message in pairs {
		["\0\10x"] = "Invalid null", ["\0\255x"] = "Invalid minkey", ["\0\127x"] = "Invalid maxkey", ["\0\5"] = "Invalid binary",
		["\0\11a\0b"] = "Invalid regex", ["\0\11a\0b\0c"] = "Invalid regex", ["\0\7x"] = "Invalid object id", ["\0\17x"] = "Invalid timestamp",
		["\0\13\2\0\0\0x"] = "Invalid code", ["\0\19x"] = "Invalid decimal128", ["\0\2x"] = "Invalid subtype 2", ["\0\3x"] = "Invalid subtype 3",
	} do
		T.raises(message, bson.encode, { a = text })
		T.raises(message, bson.type, text)
	end
end)

T.test("a zero byte in a key, a pattern or its options is refused", function()
	T.raises("Invalid key : a zero byte after 'a'", bson.encode, { ["a\0b"] = 1 })
	T.raises("Invalid key : a zero byte after 'a'", bson.encode, { x = { ["a\0b"] = 1 } })
	T.raises("Invalid key : a zero byte after 'a'", bson.encode_order, "a\0b", 1)
	T.raises("zero byte in the pattern", bson.regex, "a\0b")
	T.raises("zero byte in the options", bson.regex, "a", "i\0")
end)

T.test("text must be UTF-8", function()
	for _, text in ipairs { "\255", "\192\128", "\237\160\128", "\244\144\128\128", "abcdefgh\195", "\226\130" } do
		T.raises("Invalid utf8 string", bson.encode, { a = text })
		T.raises("Invalid utf8 string", bson.encode, { [text] = 1 })
		T.raises("Invalid utf8 string", bson.encode_order, text, 1)
	end
	for _, text in ipairs { "\239\191\191", "\240\159\152\128", ("\228\189\160"):rep(1000) } do
		T.eq(bson.encode({ [text] = text }):decode(), { [text] = text })
	end
end)

T.test("keys of an array count by their number, others by their place", function()
	T.eq(decode_pointer "1b000000 04 6100 13000000 10 3100 01000000 10 3000 02000000 00 00", { a = { 2, 1 } })
	T.eq(decode_pointer "19000000 04 6100 11000000 10 00 01000000 10 00 02000000 00 00", { a = { 1, 2 } })
	T.eq(decode_pointer "14000000 04 6100 0c000000 10 3900 01000000 00 00", { a = { [10] = 1 } })
end)

T.test("arrays with more than nine, ninety-nine and nine thousand elements", function()
	for _, count in ipairs { 9, 10, 11, 99, 100, 101, 9999, 10001 } do
		local list = {}
		for i = 1, count do list[i] = i end
		local text = tostring(bson.encode { a = list })
		T.eq(bson.decode(text).a, list)
		T.ok(text:find(string.char(16) .. (count - 1) .. "\0", 1, true))
	end
end)

T.test("a metamethod may encode, and may raise", function()
	local inner = setmetatable({}, { __pairs = function()
		local text = tostring(bson.encode { deep = setmetatable({}, { __len = function() return 0 end }) })
		return next, { text = hex(text) }
	end })
	T.eq(bson.encode { a = 1, b = { inner, inner } }:decode(),
		{ a = 1, b = { { text = "1000000004646565700005000000" .. "0000" }, { text = "10000000046465657000050000000000" } } })
	local failing = setmetatable({}, { __pairs = function() error("no pairs today", 0) end })
	for _ = 1, 100 do T.raises("no pairs today", bson.encode, { a = failing }) end
	T.eq(bson.encode({ a = 1 }):decode(), { a = 1 })
	T.raises("__len should return integer", bson.encode, { a = setmetatable({}, { __len = function() return "x" end }) })
	T.eq(bson.encode({ a = setmetatable({ 1, 2 }, {}) }):decode().a, { 1, 2 })
end)

T.test("a finalizer may encode while another document is made", function()
	local function garbage()
		for _ = 1, 20 do
			local _ = setmetatable({}, { __gc = function() bson.encode { other = ("y"):rep(3000) } end })
			if JIT then
				local proxy = newproxy(true)
				getmetatable(proxy).__gc = function() bson.encode { other = ("y"):rep(3000) } end
			end
		end
	end
	local want = { a = ("x"):rep(5000), list = { 1, 2, 3 } }
	for _ = 1, 300 do
		garbage()
		T.eq(bson.encode(want):decode(), want)
	end
end)

T.test("an encoded document inside of another must be one", function()
	local inner = bson.encode { x = 1 }
	T.eq(bson.encode { a = bson.to_lightuserdata(inner) }:decode(), { a = { x = 1 } })
	local bad = stm.newcopy(stm.copy(stm.new(unhex "0c000000 10 6161 0100000000")))
	T.eq(({ bad(function(msg) T.raises("Invalid bson block", bson.encode, { a = msg }) end) })[1], true)
	T.raises("Invalid value type : userdata", bson.encode, { a = stm.new "x" })
	T.raises("Invalid value type : thread", bson.encode, { a = coroutine.create(print) })
end)

T.test("what decode cannot take is named", function()
	for _, value in ipairs { 1, true, {}, print, stm.new "x" } do T.raises("bson expected", bson.decode, value) end
	T.eq(select("#", bson.decode(nil)), 0)
	T.eq(select("#", bson.decode()), 0)
end)

T.test("replace keeps the other fields and the checks", function()
	local b = bson.encode_order("n", 1, "l", bson.int64(1), "t", bson.timestamp(1, 2), "d", bson.date(1), "s", { n = 5 }):makeindex()
	b.n, b.l = -7, bson.int64(-9)
	b.d = bson.date(-1)
	T.eq(b:decode(), { n = -7, l = -9, t = bson.timestamp(1, 2), d = bson.date(-1), s = { n = 5 } })
	T.raises("must be a 32bit integer", function() b.n = 2147483648 end)
	T.raises("number expected", function() b.n = "x" end)
	T.raises("need bson type 17", function() b.t = 5 end)
	T.raises("need bson type 9", function() b.d = "\0\9" .. "x" .. "" and bson.null end)
	T.raises("need bson type 18", function() b.l = "x" end)
	T.raises("Can't replace key : s", function() b.s = {} end)
	T.eq(b.n, nil, "fields are written, not read")
end)

T.test("object ids count up and are told apart", function()
	local function count(id) return tonumber(select(2, bson.type(id)):sub(19), 16) end
	local first = count(bson.objectid())
	T.eq(count(bson.objectid()) - first, 1)
	for _, text in ipairs { "", "0123456789abcdef0123456", "0123456789abcdef012345678", "0123456789abcdef0123456g", ("\0"):rep(24) } do
		T.raises("Invalid objectid", bson.objectid, text)
	end
end)

T.test("keys that share a place in the cache are told apart", function()
	for _ = 1, 3 do
		local want = {}
		for i = 1, 2000 do want["key" .. i] = i end
		T.eq(bson.encode(want):decode(), want)
	end
	local long = ("k"):rep(1000)
	T.eq(bson.encode({ [long] = 1, [""] = 2 }):decode(), { [long] = 1, [""] = 2 })
end)

T.test("keys of all lengths are told apart, also where one string comes to lie in the place of another", function()
	local random = T.random(11)
	for round = 1, 300 do
		local want = {}
		for _ = 1, 20 do
			local size = random(20)
			local key = ("a"):rep(size)
			local at = random(size)
			want[key:sub(1, at - 1) .. string.char(96 + random(26)) .. key:sub(at + 1)] = round
		end
		T.eq(bson.encode(want):decode(), want)
		if round % 30 == 0 then collectgarbage() end -- what was known by its address is gone
	end
end)

T.test("a key of another kind is refused after any number of good ones", function()
	T.ok(bson.encode { a = 1, b = 2 })
	for _, key in ipairs { 1.5, true, print } do
		local bad = { a = 1, b = 2 }
		bad[key] = 1
		T.raises(type(key) == "number" and "can't be number" or "Invalid key type", bson.encode, bad)
	end
end)

-- A table with a metatable is read with the interface of Lua, one without where the engine keeps it; and what is decoded
-- often is made in another way.
T.test("both ways to read and to make a table agree", function()
	local random = T.random(3)
	local function value(depth)
		local kind = random(8)
		if kind == 1 then return random(2) == 1 end
		if kind == 2 then return random(1000) / 8 - 40 end
		if kind == 3 then return -2 ^ 40 end
		if kind == 4 then return ("text"):rep(random(20) - 1) end
		if kind == 5 then return random(2 ^ 20) end
		if depth > 3 then return bson.null end
		local t = {}
		if kind == 6 then
			for i = 1, random(12) do t[i] = value(depth + 1) end
		else
			for _ = 1, random(30) - 1 do t["key" .. random(20)] = value(depth + 1) end
		end
		return t
	end
	for _ = 1, 1000 do
		local document = { a = value(0), b = value(0) }
		local bytes = encoded(document)
		T.eq(encoded(setmetatable(document, {})), bytes)
		T.eq(bson.decode(bson.encode(document)), setmetatable(document, nil))
	end
end)

T.test("documents of a few bytes, met often, are read to their end and no further", function()
	local documents = { "09000000 08 6100 01 00", "0b000000 10 00 01000000 00", "0c000000 10 6100 01000000 00", "08000000 08 00 01 00" }
	local want = { { a = true }, { [""] = 1 }, { a = 1 }, { [""] = true } }
	for _ = 1, 20 do
		for i, document in ipairs(documents) do T.eq(decode_pointer(document, true), want[i]) end
	end
end)

T.test("documents whose keys were met often are told from those that begin alike", function()
	local large = JIT and load "return 9007199254740993LL" () or load "return 9007199254740993" ()
	local documents = {
		bson.encode_order("id", 1, "name", "one", "at", { x = 1 }),
		bson.encode_order("id", 2.5, "name", { 1, 2 }, "at", false),
		bson.encode_order("id", bson.null, "name", "three", "at", 3),
		bson.encode_order("id", large, "name", "four", "at", 4),
		bson.encode_order("id", 5, "nome", "five", "at", 5),
		bson.encode_order("id", 6, "at", "six", "name", 6),
		bson.encode_order("id", 7, "name", "seven"),
		bson.encode_order("id", 8, "name", "eight", "at", 8, "more", true),
		bson.encode_order("id", 9, "name", "nine", "name", 9),
	}
	local first = {}
	for i, document in ipairs(documents) do first[i] = encoded(bson.decode(document)) end
	for round = 1, 50 do
		for i, document in ipairs(documents) do
			T.eq(encoded(bson.decode(document)), first[i])
			T.raises("Invalid", bson.decode, tostring(document):sub(1, -2 - round % 20))
		end
	end
	T.eq(bson.decode(documents[1]), { id = 1, name = "one", at = { x = 1 } })
	T.eq(bson.decode(documents[7]), { id = 7, name = "seven" })
	T.eq(bson.decode(documents[8]), { id = 8, name = "eight", at = 8, more = true })
	T.eq(bson.decode(documents[9]), { id = 9, name = 9 })
end)

T.run()
