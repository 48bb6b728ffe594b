-- config: lua54 = "snowflake"
-- config: luajit = "snowflake_mixed_test"
-- config: snowflake_end = 1
-- Ids made on one engine and used on the other.
local skynet = require "skynet"
local int64 = require "int64"
local snowflake = require "snowflake"
local T = require "harness"

T.test("an id of Lua 5.4 is exact on LuaJIT, and goes back unharmed", function()
	local id = snowflake.snowflake()
	T.ok(int64.is_number(id))
	T.ok(int64.tostring(id):match "^%d+$" and #int64.tostring(id) == 19)
	T.eq(int64.tostring(skynet.unpack(skynet.packstring(id))), int64.tostring(id))
end)

T.run()
