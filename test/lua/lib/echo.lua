-- A helper service of the Lua tests: does what the message says.
local skynet = require "skynet"

local CMD = {}
local kept = {}

function CMD.echo(...) skynet.retpack(...) end
function CMD.sleep(cs, ...)
	skynet.sleep(cs)
	skynet.retpack(...)
end
function CMD.fail() error "expected failure" end
function CMD.keep() kept[#kept + 1] = skynet.response() end
function CMD.exit() skynet.exit() end
function CMD.garbage() skynet.ret "\6\6\6" end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, ...) CMD[cmd](...) end)
end)
