-- config: luajit = "sheet_reader"
-- Datasheets by address, and what cannot be stored in one.
local skynet = require "skynet"
local builder = require "skynet.datasheet.builder"
local datasheet = require "skynet.datasheet"
local core = require "skynet.datasheet.core"
local dump = require "skynet.datasheet.dump"
local T = require "harness"

-- A builder over the natives, in skynet's manner: it keeps the strings whose addresses it hands out.
local strings = {}
local function address_of(v)
	local bytes = dump.dump(v)
	strings[#strings + 1] = bytes
	return core.stringpointer(bytes)
end

T.test("an object from an address reads like the table, in another service and on another engine", function()
	local reader = skynet.newservice "sheet_reader"
	local function ask(...) return skynet.call(reader, "lua", ...) end
	T.eq(ask "engine", "luajit")
	ask("show", address_of { 1, "two", name = "x", sub = { n = 1, deep = { true } } })
	T.eq({ ask("read", 1), ask("read", 2), ask("read", "name"), ask("read", "sub", "deep", 1) }, { 1, "two", "x", true })
	ask("hold", "sub")
	ask("show", address_of { other = {}, sub = { n = 2 } })
	T.eq({ ask("part", "n"), ask("read", "sub", "n"), ask("read", "other") }, { 2, 2, "table" })
	T.eq(ask("read", "name"), nil)
	ask("show", address_of {})
	T.raises("call failed", ask, "part", "n")
	skynet.kill(reader)
end)

T.test("an object outlives the bytes it came from", function()
	local object = core.new(core.stringpointer(dump.dump { a = ("long"):rep(100) }))
	for _ = 1, 10 do
		collectgarbage()
		local _ = ("other"):rep(1000)
	end
	T.eq(object.a, ("long"):rep(100))
	T.raises("datasheet expected", core.update, {}, core.stringpointer(dump.dump {}))
	T.raises("null pointer", core.new, (function() local p = skynet.pack() return p end)())
	T.raises("userdata expected", core.new, "text")
	T.raises("userdata expected", core.update, object, 1)
end)

T.test("a table that an update took away leaves a hole, which nothing refers to", function()
	local bytes = core.compile { a = { 1 }, b = { 2 } }
	-- Table 2 is left out of the index; what referred to it is nil now.
	local object = core.new(core.stringpointer(bytes))
	T.eq({ object.a[1], object.b[1] }, { 1, 2 })
	local holed = core.compile { a = { 1 } }
	local offset, count = holed:byte(1), holed:byte(5)
	holed = string.char(offset + 4) .. holed:sub(2, 4) .. string.char(count + 1) .. holed:sub(6, 8 + 4 * count) .. "\255\255\255\255"
		.. holed:sub(9 + 4 * count)
	T.eq(dump.undump(holed), { a = { 1 } })
	core.update(object, core.stringpointer(holed))
	T.eq({ object.a[1], object.b }, { 1, nil })
end)

T.test("dump and undump are the inverse of each other", function()
	local v = { 1, 2, { x = "y" }, a = { b = { c = true, d = false } }, n = -5, f = 0.5 }
	T.eq(dump.undump(dump.dump(v)), v)
	T.eq(dump.undump(dump.diff(dump.dump { 1 }, dump.dump(v))), v)
	T.eq(dump.dump(v), builder.compile(v))
	T.raises("malformed", dump.undump, "no sheet")
end)

T.test("minus zero keeps its sign", function()
	builder.new("zeros", { -0.0, 0, sub = { z = -0.0 } })
	local zeros = datasheet.query "zeros"
	T.eq({ 1 / zeros[1], 1 / zeros[2], 1 / zeros.sub.z }, { -math.huge, math.huge, -math.huge })
end)

T.test("a zero byte in a string or a key is refused, with the way to it", function()
	for way, v in pairs {
		["datasheet: .a: a string with a zero byte"] = { a = "x\0y" },
		["datasheet: [2]: a string with a zero byte"] = { "fine", "\0" },
		["datasheet: .list[2].deep.name: a string with a zero byte"] = { list = { {}, { deep = { name = "x\0" } } } },
		['datasheet: ["a\\0b"]: a key with a zero byte'] = { ["a\0b"] = 1 },
		['datasheet: .t["\\0"]: a key with a zero byte'] = { t = { ["\0"] = {} } },
		["datasheet: .f.g: Unsupport value type function"] = { f = { g = print } },
	} do
		T.raises(way, builder.compile, v)
		T.raises(way, builder.new, "zero", v)
	end
	T.raises("no datasheet", datasheet.query, "zero")
	builder.new("kept", { a = "old" })
	T.raises("zero byte", builder.update, "kept", { a = "ne\0w" })
	T.eq(datasheet.query("kept").a, "old")
end)

T.run()
