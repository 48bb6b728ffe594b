-- Runs out of memory in its start function. Helper of memory_limit_test.
local skynet = require "skynet"

skynet.memlimit(4 * 1024 * 1024)
skynet.start(function()
	local kept = {}
	for i = 1, 1e7 do kept[i] = {} end
end)
