--- Has the debug console's `stat` show the memory of each service as well:
---
---     :0000000d	cpu:0.00049	message:6	mqlen:0	task:0	xmem:65.76 Kb (snlua ws_gate .ws_gate .ws_gate-slave-1)
---
--- The console itself knows nothing of it: the new command is put into its table while it runs, through the debug
--- command RUN. The way there leads through the upvalues of the console's listening socket.
local skynet = require "skynet"

local CHUNK = [==[
local skynet = require "skynet"

-- The table upvalue of that name that a function, or a function it holds, has.
local function find_upvalue(f, wanted, seen)
	seen[f] = true
	local i = 1
	while true do
		local name, value = debug.getupvalue(f, i)
		if not name then return nil end
		if name == wanted and type(value) == "table" then return value end
		if type(value) == "function" and not seen[value] then
			local found = find_upvalue(value, wanted, seen)
			if found then return found end
		end
		i = i + 1
	end
end

local function find_commands()
	local sockets = find_upvalue(_P.socket.socket_message[1], "socket_pool", {})
	for _, socket in pairs(sockets or {}) do
		local commands = socket.callback and find_upvalue(socket.callback, "COMMAND", {})
		if commands then return commands end
	end
end

local commands = find_commands()
if not commands then error "this service is no debug console" end

-- skynet's own console has its help elsewhere
local help = find_upvalue(commands.help, "HELP", {})
if help then
	help.stat = "stat [ti] : state and memory of the services; ti: 1/100 s to wait, default 300, 0 for ever"
end

function commands.stat(timeout)
	timeout = tonumber(timeout) or 300 -- 1/100 s
	if timeout <= 0 then timeout = nil end
	local stats = skynet.call(".launcher", "lua", "STAT", timeout)
	local memory = skynet.call(".launcher", "lua", "MEM", timeout)
	for address, stat in pairs(stats) do
		if type(stat) == "table" then stat.xmem = memory[address] end
	end
	return stats
end
]==]

--- Changes a debug console.
---@async
---@param address integer  of the service `debug_console`
return function(address)
	local ok, output = skynet.call(address, "debug", "RUN", CHUNK, "debug_console_inject")
	if not ok then error("debug_console_inject: " .. tostring(output), 2) end
end
