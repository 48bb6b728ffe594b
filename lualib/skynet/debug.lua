--- The debug protocol, which every Lua service answers. Loaded at the first debug message. Here is what tools ask all
--- services of a node, so that asking leaves little behind; the other commands are in skynet.debug_commands.
local skynet = require "skynet"
local scheduler = require "skynet.scheduler"

local lua_require = require "skynet.require".lua_require

local M = {
	info = nil, ---@type (fun(...): ...)?  what answers INFO
}

---@type table<string, async fun(...)>
local commands = {}

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
		task = scheduler.blocked(),
		mqlen = skynet.stat "mqlen",
		cpu = skynet.stat "cpu",
		message = skynet.stat "message",
	}
end

function commands.EXIT()
	skynet.exit()
end

--- Serves one debug message; skynet dispatches the protocol `debug` here.
---@async
function M.dispatch(_, _, command, ...)
	local f = commands[command] or lua_require "skynet.debug_commands"[command]
	if not f then error("Unknown debug command " .. tostring(command)) end
	f(...)
end

--- Adds a command to the debug protocol of this service, or replaces one. `f` runs in the request's coroutine.
---@param name string
---@param f async fun(...)
function M.reg_debugcmd(name, f)
	commands[name] = f
end

--- Sets what answers the command INFO.
---@param f fun(...): ...
function M.info_func(f)
	M.info = f
end

return M
