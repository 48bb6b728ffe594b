-- Asks for a service of skynet.service whose start takes a moment, and is killed meanwhile.
local skynet = require "skynet"
local service = require "skynet.service"

local function slow()
	local skynet = require "skynet"
	skynet.start(function()
		skynet.sleep(30)
		skynet.dispatch("lua", function() skynet.retpack "here" end)
	end)
end

skynet.start(function()
	skynet.dispatch("lua", function() service.new("asked for", slow) end)
end)
