-- Answers no request.
local skynet = require "skynet"

skynet.start(function()
	skynet.dispatch("lua", function() skynet.wait {} end)
end)
