-- Tells its creator when it is told to. Helper of busy_test.
local skynet = require "skynet"

local creator = tonumber((...))

skynet.start(function()
	skynet.dispatch("lua", function() skynet.send(creator, "lua", "told") end)
end)
