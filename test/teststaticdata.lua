-- Two services show data from files, and again after the files were read anew: change data/test/*.lua within the 30 s
-- between. Started by etc/config.teststaticdata.
local skynet = require "skynet"
local service = require "skynet.service"
local staticdata = require "staticdata"

local PAUSE = 3000 -- 1/100 s

-- Runs in a service of its own, and can use nothing of this file.
local function show_service(key, file)
	local skynet = require "skynet"
	local staticdata = require "staticdata"
	local tables = require "util.table"
	staticdata.init(key)
	skynet.dispatch("lua", function(_, _, cmd)
		if cmd ~= "test" then error("unknown command " .. tostring(cmd)) end
		skynet.error(key .. " test data: " .. tables.tostring(staticdata.get(file)))
		skynet.ret()
	end)
end

skynet.start(function()
	staticdata.loadfiles()
	local shows = {
		service.new("agent-1", show_service, "agent", "data/test/data1.lua"),
		service.new("login-1", show_service, "login", "data/test/data2.lua"),
	}
	for _, address in ipairs(shows) do
		skynet.call(address, "lua", "test")
	end
	skynet.sleep(PAUSE)
	staticdata.update { "data/test/data1.lua", "data/test/data2.lua" }
	for _, address in ipairs(shows) do
		skynet.call(address, "lua", "test")
	end
	skynet.exit()
end)
