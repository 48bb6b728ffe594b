--- Starts further nodes of the same executable, as processes that a test can end, stop and continue.
local skynet = require "skynet"
local shell = require "shell"
local signal = require "signal"

local other = {}
other.__index = other

local started = 0

--- Writes the config of a node whose start service is `start`. Returns the command that runs it, and its log file.
---@param start string
---@param config? table<string, any>  further keys
function other.command(start, config)
	started = started + 1
	local name = string.format("%s-%d", start, started)
	local keys = { thread = 2, harbor = 0, bootstrap = "snlua bootstrap", start = start, parent = shell "echo $PPID" }
	for _, key in ipairs { "root", "luaservice", "lualoader", "lua_path", "lua_cpath", "cpath", "snax", "engine", "port", "case_dir" } do
		keys[key] = skynet.getenv(key)
	end
	for key, value in pairs(config or {}) do keys[key] = value end
	local file = assert(io.open(name .. ".config", "w"))
	for key, value in pairs(keys) do file:write(string.format("%s = %q\n", key, tostring(value))) end
	file:close()
	local exe = shell "readlink /proc/$PPID/exe"
	return string.format("'%s' %s.config >%s.log 2>&1 </dev/null", exe, name, name), name .. ".log"
end

--- Starts such a node.
function other.start(start, config)
	local command, log = other.command(start, config)
	return setmetatable({ pid = shell(command .. " & echo $!"), log = log }, other)
end

--- Sends a signal, as signal.lua does.
function other:signal(name)
	signal(self.pid, name)
end

--- Waits until the log has what the pattern says. Returns that, or what the pattern captures.
---@async
function other:await_log(pattern)
	for _ = 1, 200 do
		local file = io.open(self.log)
		local found = file and file:read("*a"):match(pattern)
		if file then file:close() end
		if found then return found end
		skynet.sleep(5)
	end
	error(self.log .. " does not get " .. pattern, 2)
end

--- For the start service of such a node: ends it when the node that started it is gone.
function other.guard()
	require "skynet.manager"
	local parent = skynet.getenv "parent"
	skynet.fork(function()
		while true do
			skynet.sleep(50)
			local file = io.open("/proc/" .. parent .. "/stat")
			if not file then break end
			file:close()
		end
		skynet.abort()
	end)
end

return other
