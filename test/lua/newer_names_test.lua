-- Names of Lua 5.2 to 5.4 that both engines have, with the same results.
local T = require "harness"
local sharetable = require "skynet.sharetable"

local NAN, INFINITE = 0 / 0, 1 / 0

T.test("table.pack and table.unpack keep nils, and say how many values there are", function()
	T.eq(table.pack(), { n = 0 })
	T.eq(table.pack(nil, nil), { n = 2 })
	T.eq(table.pack(1, nil, "x", nil), { 1, nil, "x", n = 4 })
	local many = {}
	for i = 1, 200 do many[i] = i end
	local packed = table.pack(table.unpack(many))
	T.eq(packed.n, 200)
	T.eq(packed[200], 200)
	T.eq(table.pack(table.unpack({ 1, nil, 3 }, 1, 3)), { 1, nil, 3, n = 3 })
	T.eq(table.pack(table.unpack({ 1, 2, 3 }, 2)), { 2, 3, n = 2 })
	T.eq(table.pack(table.unpack({}, 1, 2)), { n = 2 })
	T.raises("too many results to unpack", table.unpack, {}, 1, 1e8)
end)

T.test("table.unpack sees through shared tables", function()
	sharetable.loadtable("newer_names", { 1, 2, 3 })
	local shared = sharetable.query "newer_names"
	T.eq(table.pack(table.unpack(shared)), { 1, 2, 3, n = 3 })
end)

T.test("math.tointeger gives whole numbers as they are, and nil for all else", function()
	for _, n in ipairs { 0, 1, -1, 2 ^ 31, -2 ^ 53, 3.0 } do T.eq(math.tointeger(n), n) end
	T.eq(math.tointeger "8", 8)
	for _, value in ipairs { 0.5, -1.5, NAN, INFINITE, -INFINITE, 2 ^ 63, "x", "1.5", {}, print, true } do
		T.eq(math.tointeger(value), nil)
	end
	T.eq(math.tointeger(nil), nil)
	T.raises("bad argument #1 to 'math.tointeger'", math.tointeger)
	if jit then
		local large = require "ffi".new("int64_t", 2 ^ 60)
		T.eq(math.tointeger(large), large)
	end
end)

T.run()
