-- Integers beyond 2^53, which only one of the engines has as numbers.
local skynet = require "skynet"
local int64 = require "int64"
local T = require "harness"

-- 2^61 + 1, which no double holds.
local big = int64.new(2 ^ 31) * int64.new(2 ^ 30) + 1

T.test("sums and products are exact", function()
	T.eq(int64.tostring(big), "2305843009213693953")
	T.ok(big - int64.new(2 ^ 31) * int64.new(2 ^ 30) == int64.new(1))
end)

T.test("text has no suffix, whatever the kind of number", function()
	T.eq({ int64.tostring(12), int64.tostring(int64.new(-3)), int64.tostring(0) }, { "12", "-3", "0" })
end)

T.test("neither has that of an unsigned one on LuaJIT", function()
	if skynet.engine() == "luajit" then
		local unsigned = require("ffi").typeof "uint64_t"
		T.eq({ int64.tostring(unsigned(12)), int64.tostring(unsigned(2 ^ 63)) }, { "12", "9223372036854775808" })
	end
end)

T.test("equal integers have one key", function()
	T.eq(int64.key(big), int64.key(int64.new(2 ^ 31) * int64.new(2 ^ 30) + int64.new(1)))
	T.eq(int64.key(7), int64.key(int64.new(7)))
	T.ok(int64.key(big) ~= int64.key(big + 1))
end)

T.test("they count as numbers, other values do not", function()
	T.eq({ int64.is_number(big), int64.is_number(1.5), int64.is_number "1", int64.is_number {}, int64.is_number(nil) },
		{ true, true, false, false, false })
end)

T.test("they pass through messages", function()
	T.ok(skynet.unpack(skynet.packstring(big)) == big)
end)

T.run()
