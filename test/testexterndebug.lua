-- Puts the debug command SNAPSHOT into a running service, and shows what it finds there. Started by
-- etc/config.testexterndebug.
local skynet = require "skynet"
local service = require "skynet.service"
local tables = require "util.table"

local DEBUG_CONSOLE_PORT = 8000
local CHUNK = [[require "extern_debug".init()]]

-- Runs in a service of its own, and can use nothing of this file. Its table grows by one with each message.
local function growing_service()
	local skynet = require "skynet"
	local t = {}
	skynet.dispatch("lua", function(_, _, name)
		skynet.error("in " .. name)
		t[name] = { name = name }
		skynet.ret()
	end)
end

skynet.start(function()
	skynet.newservice("debug_console", DEBUG_CONSOLE_PORT)
	local address = service.new("growing", growing_service)
	local _, output = skynet.call(address, "debug", "RUN", CHUNK, "inject_extern_debug")
	skynet.error(output)
	skynet.error("ret0: " .. tables.tostring(skynet.call(address, "debug", "SNAPSHOT")))
	for i, name in ipairs { "test1", "test2" } do
		skynet.call(address, "lua", name)
		skynet.error("ret" .. i .. ": " .. tables.tostring(skynet.call(address, "debug", "SNAPSHOT")))
	end
	skynet.exit()
end)
