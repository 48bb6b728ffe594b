-- A service of storm_test.lua that answers nothing and waits for its end.
local skynet = require "skynet"

skynet.start(function()
	skynet.dispatch("lua", function() skynet.ignoreret() end)
end)
