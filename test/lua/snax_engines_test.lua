-- config: lua54 = "snax_54"
-- config: luajit = "snax_jit"
-- The engine of a snax service is the one that the config gives to its name.
local skynet = require "skynet"
local snax = require "skynet.snax"
local T = require "harness"

T.test("a snax service runs on the engine that its own name asks for", function()
	T.eq(snax.newservice "snax_jit".req.engine(), "luajit")
	T.eq(snax.newservice "snax_54".req.engine(), "lua54")
	T.eq(snax.uniqueservice "snax_jit".req.engine(), "luajit")
end)

T.test("one that no pattern names runs on the node's", function()
	T.eq(snax.newservice "snax_any".req.engine(), skynet.engine())
end)

T.run()
