-- cjson beyond what the conformance case asks: exact integers, the options of the forks, bad input, and the
-- distribution's lua-cjson as the oracle for everything else.
local skynet = require "skynet"
local cjson = require "cjson"
local safe = require "cjson.safe"
local T = require "harness"

-- lua-cjson from the distribution; a node cannot load it into LuaJIT, whose modules carry a marker.
local open_oracle = skynet.engine() == "lua54"
	and package.loadlib("/usr/lib/x86_64-linux-gnu/lua/5.4/cjson.so", "luaopen_cjson")

T.test("64-bit integers are exact in both directions", function()
	for _, text in ipairs { "0", "-1", "9007199254740991", "9007199254740993", "9223372036854775807",
		"-9223372036854775808", "1152921504606846977" } do
		T.eq(cjson.encode(cjson.decode(text)), text)
		T.eq(cjson.encode { id = cjson.decode(text) }, '{"id":' .. text .. "}")
	end
	T.ok(cjson.decode "9007199254740993" ~= cjson.decode "9007199254740992")
	T.eq(tostring(cjson.decode "1152921504606846977" + 1):match "%d+", "1152921504606846978")
end)

T.test("numbers beyond 64 bits are the nearest double", function()
	T.eq(cjson.decode "9223372036854775808", 2 ^ 63)
	T.eq(cjson.decode "-9223372036854775809", -2 ^ 63)
	T.eq(cjson.decode "1e30", 1e30)
end)

T.test("what cannot be an integer keeps its digits as before", function()
	T.eq(cjson.encode(0.1), "0.1")
	T.eq(cjson.encode(1e100), "1e+100")
	T.eq(cjson.encode(cjson.decode "-0"), "-0")
	T.eq(cjson.encode(cjson.decode "1.0"), "1")
end)

T.test("empty arrays, by value, by metatable, by option", function()
	local c = cjson.new()
	T.eq(c.encode { c.empty_array, a = nil }, "[[]]")
	T.eq(c.encode(setmetatable({}, c.empty_array_mt)), "[]")
	T.eq(c.encode(setmetatable({ a = 1 }, c.empty_array_mt)), '{"a":1}')
	T.eq(c.encode(setmetatable({}, c.array_mt)), "[]")
	T.eq(c.encode(setmetatable({ 1, 2, a = 3 }, c.array_mt)), "[1,2]")
	T.eq({ c.encode_empty_table_as_array(), c.encode_empty_table_as_object() }, { false, true })
	c.encode_empty_table_as_object(false)
	T.eq(c.encode_empty_table_as_array(), true)
	T.eq(c.encode { {}, x = nil }, "[[]]")
	T.eq(cjson.encode {}, "{}", "another module table has options of its own")
end)

T.test("decoded arrays may carry the mark", function()
	local c = cjson.new()
	c.decode_array_with_array_mt(true)
	local v = c.decode '{"list":[],"map":{}}'
	T.ok(getmetatable(v.list) == c.array_mt and getmetatable(v.map) == nil)
	T.eq(c.encode(v.list) .. c.encode(v.map), "[]{}")
	T.eq(getmetatable(cjson.decode "[]"), nil)
end)

T.test("slashes may stay as they are", function()
	local c = cjson.new()
	c.encode_escape_forward_slash(false)
	T.eq(c.encode "a/b", '"a/b"')
	T.eq(cjson.encode "a/b", [["a\/b"]])
end)

T.test("of two members with one name the last counts, in small and large objects", function()
	T.eq(cjson.decode '{"a":1,"a":2}', { a = 2 })
	local parts = {}
	for i = 1, 500 do parts[i] = string.format('"k%d":%d', i % 100, i) end
	local v = cjson.decode("{" .. table.concat(parts, ",") .. "}")
	T.eq({ v.k0, v.k1, v.k99 }, { 500, 401, 499 })
end)

T.test("arrays and objects of every size come back", function()
	for n = 0, 200 do
		local list, map = {}, {}
		for i = 1, n do
			list[i] = i
			map["k" .. i] = { i }
		end
		T.eq(#cjson.decode(cjson.encode(list)), n)
		T.eq(cjson.decode(cjson.encode { list = list, map = map }).map, map)
	end
	local list = {}
	for i = 1, 10000 do list[i] = "s" .. i end
	T.eq(cjson.decode(cjson.encode(list)), list)
end)

T.test("depth is bounded, and can be raised beyond any C stack", function()
	local c = cjson.new()
	local function nested(n) return ("["):rep(n) .. ("]"):rep(n) end
	T.raises("Found too many nested data structures (1001) at character 1001", c.decode, nested(1001))
	T.raises("Found too many nested data structures (1001) at character 5001", c.decode, ('{"a":'):rep(1001))
	T.eq(c.encode { c.decode(nested(999)) }, nested(999):gsub("%[%]", "[{}]"))
	c.decode_max_depth(1000000)
	c.encode_max_depth(1000000)
	local ok, deep = pcall(c.decode, nested(100000))
	if ok then
		T.ok(pcall(c.encode, deep))
	else
		T.ok(tostring(deep):find("too many nested", 1, true), deep)	-- the engine's own stack ended first
	end
	local cycle = {}
	cycle[1] = cycle
	T.raises("excessive nesting", c.encode, cycle)
end)

T.test("hostile input is an error, and the next call works", function()
	for _, text in ipairs { "", " ", "\0", "\0\0", "{", "[", '"', '"\\', '"\\u', "[1,", '{"a"', '{"a":', "nul", "-", "1 2",
		"[1 2]", "{1:2}", ("["):rep(1e6), ('{"a":'):rep(1e5), '"' .. ("\\ud800"):rep(1e5), ("1"):rep(1e6) .. "x" } do
		local value, message = safe.decode(text)
		T.eq(value, nil)
		T.ok(type(message) == "string" and #message < 200, message)
		T.eq(safe.decode "[1]", { 1 })
	end
	T.eq(cjson.decode(("1"):rep(1e5)), 1 / 0)
	T.raises("UTF-16", cjson.decode, "\0[\0]")
	T.raises("Expected the end but found invalid token at character 3", cjson.decode, "1 \0x")
end)

T.test("a conversion inside of a finalizer does not disturb the one around it", function()
	local collected = 0
	local function on_collect()
		collected = collected + 1
		cjson.decode(cjson.encode { ("x"):rep(100), ("y\n"):rep(100) })
	end
	local function garbage()
		if newproxy then
			getmetatable(newproxy(true)).__gc = on_collect
		else
			setmetatable({}, { __gc = on_collect })
		end
	end
	local list = {}
	for i = 1, 2000 do list[i] = "text\n" .. i end
	local want = cjson.encode(list)
	for _ = 1, 2000 do
		if collected > 100 then break end
		for _ = 1, 20 do garbage() end
		T.eq(cjson.encode(cjson.decode(want)), want)
	end
	T.ok(collected > 0)
end)

T.test("the safe module's copies are safe as well", function()
	T.eq({ safe.new().decode "[" }, { nil, "Expected value but found T_END at character 2" })
	T.raises("expected 1 argument", safe.decode)
	T.raises("expected 1 argument", safe.encode, 1, 2)
end)

if open_oracle then
	local oracle = open_oracle()

	-- Numbers by value: the oracle's are floats, and inexact beyond 2^53.
	local function same(a, b)
		if type(a) == "number" and type(b) == "number" then
			return a == b or a ~= a and b ~= b or math.abs(a - b) <= math.abs(b) * 1e-13
		end
		if type(a) ~= "table" or type(b) ~= "table" then return a == b end
		for k, v in pairs(a) do
			if not same(v, b[k]) then return false end
		end
		for k in pairs(b) do
			if a[k] == nil then return false end
		end
		return true
	end

	local function compare(text)
		local ok, value = pcall(cjson.decode, text)
		local oracle_ok, oracle_value = pcall(oracle.decode, text)
		if ok ~= oracle_ok or not same(value, oracle_value) then
			error(string.format("%q: got %s, the oracle says %s", text, T.show(value), T.show(oracle_value)))
		end
		if not ok then return end
		local encoded, oracle_encoded = select(2, pcall(cjson.encode, value)), select(2, pcall(oracle.encode, value))
		if #encoded < #oracle_encoded then
			error(string.format("%q: wrote %s, the oracle %s", text, encoded, oracle_encoded))
		end
	end

	local PIECES = { "{", "}", "[", "]", ":", ",", '"a"', '"\\u00e9"', '"\\ud83d\\ude00"', "1", "-1", "0", "-0", "1.5",
		"1e5", "1E-3", "true", "false", "null", "nan", "inf", "-inf", "+1", "0x1F", "01", " ", "\n", '"', "\\", "-", "+",
		"e", ".", "x", '"b\\n"', "i", "n", "N", "I", "-.5", "1.", "\1", '"\\/"', "99999999999999999999", "1e999",
		"-1e-999", '"\\ud800"', "0x.8p3", "infinity", "-nan", "nan(x)" }

	T.test("random pieces mean what they mean to lua-cjson, errors included", function()
		local random = T.random(20240607)
		for _, invalid in ipairs { true, false } do
			cjson.decode_invalid_numbers(invalid)
			oracle.decode_invalid_numbers(invalid)
			for _ = 1, 20000 do
				local parts = {}
				for i = 1, random(8) do parts[i] = PIECES[random(#PIECES)] end
				compare(table.concat(parts))
			end
		end
		cjson.decode_invalid_numbers(true)
		oracle.decode_invalid_numbers(true)
	end)

	T.test("options give the texts of lua-cjson", function()
		for _, call in ipairs {
			{ "encode_sparse_array", 1 }, { "encode_sparse_array", true, 1, 2, 3 },
			{ "encode_max_depth", 0 }, { "encode_max_depth", "x" }, { "encode_max_depth", 2147483648 },
			{ "decode_max_depth", 1, 2 }, { "encode_invalid_numbers", "x" }, { "decode_invalid_numbers", 3 },
			{ "encode_keep_buffer", "maybe" }, { "encode", print }, { "encode", { [{}] = 1 } }, { "encode", { [20] = 1 } },
			{ "encode", io.stdout }, { "encode", 0 / 0 }, { "encode", { [1 / 0] = 1 } },
		} do
			local ours = select(2, pcall(cjson[call[1]], table.unpack(call, 2)))
			local theirs = select(2, pcall(oracle[call[1]], table.unpack(call, 2)))
			-- Lua finds the function's name for "bad argument" in package.loaded.
			local function bare(message) return (tostring(message):gsub("to '.-'", "to '?'")) end
			T.eq(bare(ours), bare(theirs), call[1])
		end
	end)
end

T.run(3000)
