--- The rarer commands of the debug protocol, by name.
local skynet = require "skynet"
local debug_protocol = require "skynet.debug"

---@type table<string, async fun(...)>
local commands = {}

local links = {} -- answers that are never given: they fail when this service ends

function commands.TASK(what)
	if what then
		skynet.retpack(skynet.task(what))
	else
		local tasks = {}
		skynet.task(tasks)
		skynet.retpack(tasks)
	end
end

function commands.UNIQTASK()
	skynet.retpack(skynet.uniqtask())
end

function commands.KILLTASK(name)
	local co = skynet.killthread(name)
	if co then
		skynet.error("Kill " .. tostring(co))
		skynet.ret()
	else
		skynet.error(string.format("Kill %s : Not found", tostring(name)))
		skynet.retpack "Not found"
	end
end

function commands.INFO(...)
	local f = debug_protocol.info
	if f then
		skynet.retpack(f(...))
	else
		skynet.retpack(nil)
	end
end

function commands.RUN(source, filename, ...)
	skynet.retpack(require "skynet.inject"(source, filename, ...))
end

function commands.TERM(address)
	skynet.term(address)
	skynet.ret()
end

function commands.SUPPORT(name)
	skynet.retpack(skynet.dispatch(name) ~= nil)
end

function commands.LINK()
	links[#links + 1] = skynet.response()
end

function commands.TRACELOG(name, flag)
	if type(name) ~= "string" then name, flag = "lua", name end
	skynet.error(string.format("Turn trace log %s for %s", tostring(flag), name))
	skynet.traceproto(name, flag)
	skynet.ret()
end

function commands.REMOTEDEBUG(...)
	require "skynet.remotedebug".start(...)
end

return commands
