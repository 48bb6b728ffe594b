-- config: thread = 1
-- A node that ends while messages for other nodes wait for the harbor service, which has no turn any more with one
-- worker. What they carry is freed: LeakSanitizer tells (make asan).
local skynet = require "skynet"
local T = require "harness"

T.test("messages to another node are sent at the very end", function()
	for i = 1, 10 do skynet.send(0x02000055, "lua", "late", i) end
end)

T.run()
