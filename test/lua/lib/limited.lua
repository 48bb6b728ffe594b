-- Runs into its memory limit, again and again, in a loop that LuaJIT has compiled. Helper of jit_error_test.
local skynet = require "skynet"

skynet.memlimit(16 * 1024 * 1024)

local function fill()
	local kept = {}
	for i = 1, 1e9 do kept[i] = { i } end
end

skynet.start(function()
	skynet.dispatch("lua", function() skynet.retpack(pcall(fill)) end)
end)
