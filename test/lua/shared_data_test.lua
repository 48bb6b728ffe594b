-- config: lua54 = "shared_holder_54;sharetabled;sharedatad"
-- config: luajit = "shared_holder_jit"
-- Shared data between services on different engines, and what becomes of old versions.
local skynet = require "skynet"
local sharetable = require "skynet.sharetable"
local sharedata = require "skynet.sharedata"
local core = require "skynet.sharetable.core"
local T = require "harness"

local lua54, luajit
local function ask(service, ...) return skynet.call(service, "lua", ...) end

T.test("one image serves both engines", function()
	lua54, luajit = skynet.newservice "shared_holder_54", skynet.newservice "shared_holder_jit"
	T.eq({ ask(lua54, "engine"), ask(luajit, "engine") }, { "lua54", "luajit" })
	local images, bytes = core.totals()
	sharetable.loadstring("numbers", "local t = {} for i = 1, 10000 do t[i] = i end return t")
	for _, service in ipairs { lua54, luajit } do T.ok(ask(service, "hold", "numbers")) end
	local images_now, bytes_now = core.totals()
	T.eq(images_now, images + 1)
	T.within(bytes_now - bytes, 90000, 200000, "bytes")
	for _, service in ipairs { lua54, luajit } do
		T.eq({ ask(service, "sums", "numbers") }, { 50005000, 50005000, 50005000, 50005000, 10000, 48893 })
	end
end)

T.test("whole numbers beyond 2^53 that were calculated stay floats, in values and as keys", function()
	local builder = require "skynet.datasheet.builder"
	for _, v in ipairs { 2^53, -2^53, 2^53 + 2, 1e16, 1e18, 2^62, -1e17, 2^63, 1e300, 1e15, 0.5 } do
		local msg, sz = skynet.pack(v)
		local from_memory = skynet.unpack(msg, sz)
		skynet.trash(msg, sz)
		for _, got in ipairs { skynet.unpack(skynet.packstring { v }), { from_memory },
			skynet.unpack(skynet.packstring({ [v] = v })) } do
			local value = got[1] or got[v]
			T.eq(type(value), "number")
			T.ok(value == v and value * 0.5 == v * 0.5, tostring(v))
		end
	end
	sharetable.loadtable("large floats", { v = 1e18, deep = { -2^60, 2^53 }, [2^60] = "key" })
	local shared = sharetable.query "large floats"
	T.ok(type(shared.v) == "number" and shared.v * 0.5 == 5e17)
	T.ok(type(shared.deep[1]) == "number" and shared.deep[1] / 4 == -2^58)
	T.eq(shared[2^60], "key")
	for k in pairs(shared) do T.ok(type(k) == "string" or (type(k) == "number" and k == 2^60 and shared[k] == "key")) end
	local sharedata = require "skynet.sharedata"
	sharedata.new("large floats", { v = 1e18 })
	T.ok(type(sharedata.query("large floats").v) == "number" and sharedata.query("large floats").v * 0.5 == 5e17)
	T.ok(type(sharedata.deepcopy("large floats").v) == "number")
	builder.new("large floats", { v = 2^60 })
	T.ok(type(require "skynet.datasheet".query("large floats").v) == "number")
end)

T.test("load refuses a wrong number of arguments", function()
	for _, n in ipairs { -1, 1e9, 1e12 } do
		T.raises("no number of arguments", core.load, "wrong", "return {}", {}, n)
	end
	T.raises("malformed", require "skynet.datasheet.core".add, "wrong", "no sheet")
end)

T.test("integers of 64 bits and functions come to both", function()
	sharetable.loadstring("mixed", [[
		return { id = 1152921504606846977, double = function(x) return x * 2 end, floor = math.floor, list = { { 1 } } }
	]])
	for _, service in ipairs { lua54, luajit } do
		ask(service, "hold", "mixed")
		T.eq(tostring(ask(service, "read", "mixed", "id")):match "%d+", "1152921504606846977")
		T.eq(ask(service, "call", "mixed", "double", 21), 42)
		T.eq(ask(service, "call", "mixed", "floor", 2.5), 2)
	end
end)

T.test("functions come to both beside those of the libraries that have upvalues on one engine", function()
	sharetable.loadstring("beside", [[
		return { double = function(x) return x * 2 end, print = print, ipairs = ipairs, wrap = coroutine.wrap, lines = io.lines,
			gmatch = string.gmatch, tostring = tostring, dofile = dofile }
	]])
	for _, service in ipairs { lua54, luajit } do
		ask(service, "hold", "beside")
		T.eq(ask(service, "call", "beside", "double", 21), 42)
		T.eq(ask(service, "call", "beside", "tostring", "text"), "text")
	end
	T.raises("call failed", sharetable.loadstring, "closure", "return { f = string.gmatch('a', 'a') }")
end)

T.test("data that only one engine can make is for both", function()
	sharetable.loadstring("from 5.4", "return { 1 << 40, 7 // 2 }")
	sharetable.loadstring("from LuaJIT", "return { bit.lshift(1, 20), unpack { 3 } }")
	for _, service in ipairs { lua54, luajit } do
		ask(service, "hold", "from 5.4")
		ask(service, "hold", "from LuaJIT")
		T.eq({ ask(service, "read", "from 5.4", 1), ask(service, "read", "from 5.4", 2) }, { 2 ^ 40, 3 })
		T.eq({ ask(service, "read", "from LuaJIT", 1), ask(service, "read", "from LuaJIT", 2) }, { 2 ^ 20, 3 })
	end
end)

T.test("a version goes when its last holder lets go, moves on, or dies", function()
	local function images() return (core.totals()) end
	sharetable.loadtable("v", { n = 1 })
	local before = images()
	for _, service in ipairs { lua54, luajit } do ask(service, "hold", "v") end
	local third = skynet.newservice "shared_holder_jit"
	ask(third, "hold", "v")
	sharetable.loadtable("v", { n = 2 })
	T.eq(images(), before + 1, "the old version is held")
	T.eq({ ask(lua54, "read", "v", "n"), ask(luajit, "read", "v", "n") }, { 1, 1 })
	ask(lua54, "drop", "v")
	ask(luajit, "update", "v")
	T.eq(ask(luajit, "read", "v", "n"), 2)
	ask(luajit, "drop", "numbers")	-- collects
	T.eq(images(), before + 1, "one holder is left")
	skynet.kill(third)
	T.eventually(function() return images() == before end)
end)

T.test("a failed load leaves the version before, and the name works", function()
	sharetable.loadstring("f", "return { 1 }")
	for _, source in ipairs { "return {", "error 'x'", "return 1", "return { coroutine.create(print) }" } do
		T.raises("call failed", sharetable.loadstring, "f", source)
		T.raises("call failed", sharetable.loadstring, "never", source)
	end
	T.eq(sharetable.query "f"[1], 1)
	T.eq(sharetable.query "never", nil)
	-- Of a string without a source the name was read as that of a file.
	local name = os.tmpname()
	local file = io.open(name, "w")
	file:write "return { 3 }"
	file:close()
	T.raises("call failed", sharetable.loadstring, name)
	os.remove(name)
	T.eq(sharetable.query(name), nil)
	sharetable.loadstring("never", "return { 2 }")
	T.eq(sharetable.query "never"[1], 2)
end)

T.test("functions as arguments: C functions only", function()
	sharetable.loadstring("args", "local n, flag, nothing, last = ... return { n, flag, nothing == nil, last }", 2.5, true,
		nil, -7)
	T.eq(sharetable.query "args", { 2.5, true, true, -7 })
	T.raises("C functions", sharetable.loadstring, "args", "return { ... }", function() end)
	T.raises("call failed", sharetable.loadstring, "args", "return { ... }", {})
end)

T.test("sharedata: all holders follow, whatever their engine", function()
	sharedata.new("d", { v = 0 })
	local mine = sharedata.query "d"
	for i = 1, 20 do
		sharedata.update("d", { v = i })
		for _, service in ipairs { lua54, luajit } do T.eq(ask(service, "query_data", "d", "v"), i) end
		T.eventually(function() return mine.v == i end)
	end
end)

T.test("sharedata: a file is read anew, as editors and tools leave it: a mark of UTF-8, a first line with #, compiled", function()
	local function write(bytes)
		local file = assert(io.open("data.lua", "wb"))
		file:write(bytes)
		file:close()
	end
	write "\239\187\191a = ..."
	sharedata.new("file", "@data.lua", 1)
	T.eq(sharedata.deepcopy("file", "a"), 1)
	local compiled = string.dump(assert(load "return { b = ... }"))
	if jit then compiled = "return { b = ... }" end -- sharedatad is on Lua 5.4
	for i, bytes in ipairs { "#!/usr/bin/lua\nb = ...", compiled, "b = ..." } do
		write(bytes)
		sharedata.update("file", "@data.lua", i)
		T.eq(sharedata.deepcopy "file", { b = i })
	end
	T.raises("call failed", sharedata.update, "file", "@no such file")
	T.raises("call failed", sharedata.update, "file", "\27 no source")
end)

T.test("sharedata: a delete directly after the first query is noticed", function()
	sharedata.new("gone", { v = 1 })
	local object = sharedata.query "gone"
	sharedata.delete "gone"
	T.raises("call failed", sharedata.query, "gone")
	T.eq(object.v, 1)
	sharedata.new("gone", { v = 2 })
	T.eq({ object.v, sharedata.query "gone".v }, { 1, 2 })
end)

T.test("sharedata: flush moves what is held now", function()
	sharedata.new("flush", { v = 1 })
	local object = sharedata.query "flush"
	sharedata.update("flush", { v = 2 })
	sharedata.flush()
	T.eq(object.v, 2)
end)

T.test("a part that an update has taken away raises when it is walked", function()
	local builder = require "skynet.datasheet.builder"
	local datasheet = require "skynet.datasheet"
	local unpack = table.unpack or unpack
	sharedata.new("walked", { part = { 1, { 2 }, x = 1 } })
	builder.new("walked", { part = { 1, { 2 }, x = 1 } })
	local parts = {
		["The key [.part] doesn't exist after update"] = sharedata.query "walked".part,
		["The key [.part.2] doesn't exist after update"] = sharedata.query "walked".part[2],
		["Invalid proxy"] = datasheet.query "walked".part,
	}
	sharedata.update("walked", { gone = true })
	builder.update("walked", { gone = true })
	T.eventually(function() return sharedata.query "walked".gone and datasheet.query "walked".gone end)
	for message, part in pairs(parts) do
		local uses = {
			read = function() return part.x end,
			pairs = function() for _ in pairs(part) do end end,
			ipairs = function() for _ in ipairs(part) do end end,
			next = function() return getmetatable(part) == nil and next(part) end,
			unpack = function() return unpack(part) end,
			concat = function() return table.concat(part) end,
			pack = function() return skynet.packstring(part) end,
		}
		if skynet.getenv "engine" ~= "luajit" then uses.next = nil end -- 5.4's knows no metamethods
		for name, use in pairs(uses) do
			local ok, err = pcall(use)
			T.ok(not ok and tostring(err):find(message, 1, true), name .. ": " .. tostring(err))
		end
	end
end)

T.test("corelib: images by hand", function()
	local corelib = require "skynet.sharedata.corelib"
	local one, two = corelib.host.new { a = { 1 } }, corelib.host.new { a = { 2, 3 } }
	T.eq(corelib.host.getref(one), 1)
	local object = corelib.box(one)
	local a = object.a
	T.eq({ object.a[1], corelib.host.getref(one) }, { 1, 2 })
	corelib.update(object, two)
	T.eq({ a[1], a[2], #a }, { 2, 3, 2 })
	T.eq(corelib.copy(two), { a = { 2, 3 } })
	T.eq({ corelib.copy(two, "a", 2), corelib.copy(two, "b") }, { 3 })
	T.eq(corelib.next(object), "a")
	T.eq({ corelib.host.incref(two), corelib.host.decref(two) }, { 3, 2 })
	corelib.host.delete(one)
	corelib.host.delete(two)
	T.eq(object.a[2], 3, "the object holds a reference")
end)

T.test("a function that uses a global cannot be shared, whatever engine would take it", function()
	T.raises("call failed", sharetable.loadstring, "global", "return { f = function() return print end }")
	T.eq(sharetable.query "global", nil)
end)

T.test("table.move reads shared tables", function()
	sharetable.loadtable("moved", { 1, 2, 3 })
	T.eq(table.move(sharetable.query "moved", 1, 3, 2, { 0 }), { 0, 1, 2, 3 })
end)

T.test("rawget knows no forbidden keys", function()
	sharedata.new("raw", { a = 1, 2 })
	local object = sharedata.query "raw"
	T.eq({ rawget(object, "a"), rawget(object, 1), rawget(object, 1.5), rawget(object, {}), rawget(object, true) }, { 1, 2 })
	T.raises("Invalid key type boolean", function() return object[true] end)
end)

T.test("other libraries read shared tables as any others", function()
	local cjson = require "cjson"
	sharetable.loadtable("j", { list = { 1, { x = "y" } } })
	local t = sharetable.query "j"
	T.eq(cjson.encode(t), '{"list":[1,{"x":"y"}]}')
	T.eq({ skynet.unpack(skynet.packstring(t)) }, { { list = { 1, { x = "y" } } } })
	T.eq(#require "snapshot"() > 0, false)	-- it walks past them without an error
end)

T.run(2000)
