--- The start service of a further node of harbor_test.
local skynet = require "skynet"
require "skynet.manager"
local harbor = require "skynet.harbor"

local command = {}

function command.echo(...) return ... end
function command.bytes(count) return ("x"):rep(count) end
function command.hang() skynet.wait() end
function command.pid() return tonumber(io.open("/proc/self/stat"):read "*l":match "^%d+") end
function command.call(address, ...) return skynet.call(address, "lua", ...) end

skynet.start(function()
	skynet.dispatch("lua", function(session, _, name, ...)
		if session == 0 then command[name](...) else skynet.retpack(command[name](...)) end
	end)
	harbor.globalname(skynet.getenv "global_name")
end)
