-- Makes unique services from functions, on the engine that its name is configured for.
local skynet = require "skynet"
local service = require "skynet.service"

local function teller()
	local skynet = require "skynet"
	skynet.start(function()
		skynet.dispatch("lua", function() skynet.retpack(skynet.engine()) end)
	end)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name)
		skynet.retpack(service.new(name, teller))
	end)
end)
