--- The debug protocol, which every Lua service answers. Loaded at the first debug message, so that a service that
--- nobody looks at does not carry it; what is rarely used is loaded later still.
local skynet = require "skynet"

local M = {}

---@type table<string, async fun(...)>
local commands = {}

local links = {} -- answers that are never given: they fail when this service ends

function commands.PING()
	skynet.ret()
end

function commands.MEM()
	skynet.retpack(collectgarbage "count")
end

function commands.GC()
	local before, start = collectgarbage "count", skynet.now()
	collectgarbage "collect"
	local seconds = (skynet.now() - start) / 100
	skynet.error(string.format("GC %.2f Kb -> %.2f Kb, cost %.2f sec", before, collectgarbage "count", seconds))
	skynet.ret()
end

function commands.STAT()
	skynet.retpack {
		task = skynet.task(),
		mqlen = skynet.stat "mqlen",
		cpu = skynet.stat "cpu",
		message = skynet.stat "message",
	}
end

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
	local f = skynet._internal.info_func
	if f then
		skynet.retpack(f(...))
	else
		skynet.retpack(nil)
	end
end

function commands.EXIT()
	skynet.exit()
end

function commands.RUN(source, filename, ...)
	skynet.retpack(require "skynet.inject" (source, filename, ...))
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

--- Serves one debug message; skynet dispatches the protocol `debug` here.
---@async
function M.dispatch(_, _, command, ...)
	local f = commands[command]
	if not f then error("Unknown debug command " .. tostring(command)) end
	f(...)
end

--- Adds a command to the debug protocol of this service, or replaces one. `f` runs in the request's coroutine.
---@param name string
---@param f async fun(...)
function M.reg_debugcmd(name, f)
	commands[name] = f
end

return M
