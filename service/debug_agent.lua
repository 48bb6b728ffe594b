--- Between the console and a service that is being debugged: starts the debugger there and passes lines on.
local skynet = require "skynet"
local debugchannel = require "skynet.debugchannel"

local channel

local command = {}

--- Returns when the debugger has left, or why it could not stay.
---@async
function command.start(address, fd)
	local handle
	channel, handle = debugchannel.create()
	skynet.error(string.format("Attach to :%08x", address))
	local ok, attached = pcall(skynet.call, address, "debug", "REMOTEDEBUG", fd, handle)
	if ok and not attached then attached = "Debugger attach failed" end
	skynet.retpack(ok and attached == true, attached)
	skynet.exit()
end

function command.cmd(line)
	if channel then channel:write(line) end
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		local f = command[name]
		if not f then error("Unknown command " .. tostring(name)) end
		f(...)
	end)
end)
