-- skynet.stm beyond what the conformance case asks.
local skynet = require "skynet"
local sharemap = require "skynet.sharemap"
local stm = require "skynet.stm"
local T = require "harness"

local function text(msg, size) return skynet.tostring(msg, size) end

T.test("a handle is good once, and a false one is an error", function()
	local w = stm.new "1"
	local handle = stm.copy(w)
	stm.newcopy(handle)
	T.raises("handle", stm.newcopy, handle)
	T.raises("userdata", stm.newcopy, "text")
	T.raises("userdata", stm.newcopy)
	local msg, size = skynet.pack(1)
	T.raises("handle", stm.newcopy, msg)
	skynet.trash(msg, size)
end)

T.test("a reader that is called inside of its function sees the next version", function()
	local w = stm.new "one"
	local r = stm.newcopy(stm.copy(w))
	local seen = {}
	r(function(msg, size)
		w "two"
		r(function(...) seen[#seen + 1] = text(...) end)
		seen[#seen + 1] = text(msg, size)
	end)
	T.eq(seen, { "two", "one" })
end)

T.test("an empty and a long value, and bytes of any kind", function()
	local w = stm.new ""
	local r = stm.newcopy(stm.copy(w))
	T.eq({ r(text) }, { true, "" })
	for _, value in ipairs { "a\0b", ("x"):rep(1e6), "\255\254" } do
		w(value)
		T.eq({ r(text) }, { true, value })
	end
end)

T.test("arguments are checked", function()
	local w = stm.new "1"
	T.raises("bad argument #1 to 'stm.writer' (string expected, got no value)", w)
	T.raises("string expected", w, {})
	local msg, size = skynet.pack "x"
	T.raises("number expected", w, msg)
	T.raises("negative", w, msg, -1)
	w(msg, size)
	T.eq({ stm.newcopy(stm.copy(w))(skynet.unpack) }, { true, "x" })
	T.raises("stm.writer", stm.copy, 1)
end)

T.test("sharemap: a field may have any name, and what a writer was made of stays a plain table", function()
	local file = assert(io.open("names.sproto", "wb"))
	file:write ".names { copy 0 : integer commit 1 : string update 2 : integer __obj 3 : integer x 4 : integer }"
	file:close()
	sharemap.register "names.sproto"
	local fields = { x = 1 }
	local writer = sharemap.writer("names", fields)
	local reader = sharemap.reader("names", writer:copy())
	writer.copy, writer.commit, writer.update, writer.__obj, writer.x = 1, "two", 3, 4, 5
	writer:commit()
	local wanted = { copy = 1, commit = "two", update = 3, __obj = 4, x = 5 }
	T.eq(fields, wanted)
	T.eq({ skynet.unpack(skynet.packstring(fields)) }, { wanted })
	T.eq({ reader:update() }, { true, wanted })
	T.eq({ reader.copy, reader.commit, reader.__obj, reader.x }, { 1, "two", 4, 5 })
	T.eq({ reader:update() }, { false })
	T.raises("field x can't be assigned", function() reader.x = 1 end)
	T.eq(sharemap.reader("names", writer:copy()).x, 5)
end)

T.run()
