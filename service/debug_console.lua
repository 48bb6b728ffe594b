--- The console of a node over TCP: `debug_console [ip] port`. A command a line; answers end with `<CMD OK>` or
--- `<CMD Error>`. Also over HTTP: `GET /command/argument`, or `POST` with the command line as the body.
--
-- Debug tools replace commands at run time: they find the table COMMAND through the upvalues of the function that
-- accepts connections, so the way from there to the table leads through local functions only.
local skynet = require "skynet"
require "skynet.manager"
local codecache = require "skynet.codecache"
local core = require "skynet.core"
local memory = require "skynet.memory"
local snax = require "skynet.snax"
local socket = require "skynet.socket"

local unpack = table.unpack or unpack ---@diagnostic disable-line: deprecated

local WAIT = 300 -- 1/100 s: how long stat, mem and gc wait for the services
local MAX_INPUT = 64 * 1024 -- bytes of a line, or of an HTTP body

local HELP = {
	help = "this list",
	list = "the services",
	stat = "[ti]: state of the services; ti: 1/100 s to wait, default 300, 0 for ever",
	mem = "[ti]: Lua memory of the services",
	gc = "[ti]: collects garbage in all services, then mem",
	info = "addr ...: what the service tells about itself",
	task = "addr: blocked coroutines of a service, with their stacks",
	uniqtask = "addr: the same, coroutines with the same stack as one",
	killtask = "addr name: ends a coroutine, name: a part of what task shows",
	dbgcmd = "addr command ...: sends a debug command",
	ping = "addr: round trip time in 1/100 s",
	exit = "addr: lets a service end",
	kill = "addr: ends a service",
	start = "name ...: starts a service",
	log = "name ...: starts a service and logs its messages",
	snax = "name ...: starts a snax service",
	service = "the unique services",
	inject = "addr file ...: runs a Lua file inside a service",
	call = "addr values: calls a service, values: Lua expressions",
	trace = "addr [proto] [on|off]: logs the way of requests",
	signal = "addr [n]: 0 breaks an endless loop, 1 logs the memory in use",
	logon = "addr: logs the messages of a service",
	logoff = "addr: ends logon",
	clearcache = "lets changed Lua files be read again",
	getenv = "name: a value of the config",
	setenv = "name value: sets a new one",
	cmem = "C memory of the services",
	jmem = "statistics of the allocator",
	netstat = "the sockets",
	profactive = "[on|off]: heap profiling",
	dumpheap = "writes a heap profile",
	debug = "addr: starts a debugger; cont leaves it",
}

-- ---- answers as text ----------------------------------------------------------------------------

local function sorted_keys(t)
	local keys, names = {}, {}
	for key in pairs(t) do
		keys[#keys + 1] = key
		names[key] = tostring(key)
	end
	table.sort(keys, function(a, b) return names[a] < names[b] end)
	return keys, names
end

local function one_line(value)
	if type(value) ~= "table" then return tostring(value) end
	local keys, names = sorted_keys(value)
	local parts = {}
	for i, key in ipairs(keys) do parts[i] = names[key] .. ":" .. tostring(value[key]) end
	return table.concat(parts, "\t")
end

local function append(out, result)
	if type(result) == "table" then
		local keys, names = sorted_keys(result)
		for _, key in ipairs(keys) do out[#out + 1] = names[key] .. "\t" .. one_line(result[key]) .. "\n" end
	elseif result ~= nil then
		out[#out + 1] = tostring(result) .. "\n"
	end
end

-- ---- arguments ----------------------------------------------------------------------------------

local function address_of(word)
	if word == nil then error "Need an address" end
	if word:byte() == 46 then -- "."
		return skynet.localname(word) or error "Not a valid name"
	end
	local hex = word:match "^:?(%x+)$"
	local handle = hex and tonumber(hex, 16)
	if not handle or handle > 0xffffffff then error "Need an address" end
	if word:byte() ~= 58 and handle < 0x1000000 then -- ":"
		local self = skynet.self()
		handle = self - self % 0x1000000 + handle
	end
	return handle
end

local function time_of(word)
	local time = word and (tonumber(word) or error(word .. " is not a time in 1/100 s")) or WAIT
	return time > 0 and math.floor(time) or nil
end

-- true, false, or nil: neither
local function switch_of(word)
	if word == "on" then return true end
	if word == "off" then return false end
	return nil
end

local function debug_call(word, ...)
	return skynet.call(address_of(word), "debug", ...)
end

-- ---- commands: f(words ...) -> what to print ----------------------------------------------------

local COMMAND = {}

function COMMAND.help()
	return HELP
end

function COMMAND.list()
	return skynet.call(".launcher", "lua", "LIST")
end

function COMMAND.stat(ti)
	return skynet.call(".launcher", "lua", "STAT", time_of(ti))
end

function COMMAND.mem(ti)
	return skynet.call(".launcher", "lua", "MEM", time_of(ti))
end

function COMMAND.gc(ti)
	return skynet.call(".launcher", "lua", "GC", time_of(ti))
end

function COMMAND.info(address, ...)
	return debug_call(address, "INFO", ...)
end

function COMMAND.task(address)
	return debug_call(address, "TASK")
end

function COMMAND.uniqtask(address)
	return debug_call(address, "UNIQTASK")
end

function COMMAND.killtask(address, name)
	return debug_call(address, "KILLTASK", name or error "Need the name of a coroutine")
end

function COMMAND.dbgcmd(address, command, ...)
	return debug_call(address, command or error "Need a debug command", ...)
end

function COMMAND.ping(address)
	local handle = address_of(address)
	local start = skynet.now()
	skynet.call(handle, "debug", "PING")
	return skynet.now() - start
end

function COMMAND.exit(address)
	skynet.send(address_of(address), "debug", "EXIT")
end

function COMMAND.kill(address)
	local handle = address_of(address)
	-- skynet tells the description for a bare number only; the launcher gets a `:hex` as it is, which it does not list.
	return skynet.call(".launcher", "lua", "KILL", address:byte() == 58 and address or handle)
end

function COMMAND.start(name, ...)
	local ok, handle = pcall(skynet.newservice, name, ...)
	if not ok then return "Failed" end
	if not handle then return "Exit" end
	return { [skynet.address(handle)] = name }
end

function COMMAND.log(...)
	local ok, handle = pcall(skynet.call, ".launcher", "lua", "LOGLAUNCH", "snlua", ...)
	if not ok or not handle then return "Failed" end
	return { [skynet.address(handle)] = (...) }
end

function COMMAND.snax(name, ...)
	local ok, object = pcall(snax.newservice, name, ...)
	if not ok then return "Failed" end
	return { [skynet.address(object.handle)] = name }
end

function COMMAND.service()
	return skynet.call("SERVICE", "lua", "LIST")
end

function COMMAND.inject(address, filename, ...)
	local handle = address_of(address)
	local file = io.open(filename or error "Need the name of a file", "rb")
	if not file then return "Can't open " .. filename end
	local source = file:read "*a"
	file:close()
	local ok, output = skynet.call(handle, "debug", "RUN", source, filename, ...)
	if not ok then error(output, 0) end
	return output ~= "" and output or nil
end

function COMMAND.trace(address, ...)
	local proto, flag = ...
	if flag == nil and switch_of(proto) ~= nil then proto, flag = nil, proto end
	skynet.call(address_of(address), "debug", "TRACELOG", proto or "lua", switch_of(flag))
end

function COMMAND.signal(address, n)
	core.command("SIGNAL", skynet.address(address_of(address)) .. (n and " " .. n or ""))
end

function COMMAND.logon(address)
	core.command("LOGON", skynet.address(address_of(address)))
end

function COMMAND.logoff(address)
	core.command("LOGOFF", skynet.address(address_of(address)))
end

function COMMAND.clearcache()
	codecache.clear()
end

function COMMAND.getenv(name)
	return { [name or error "Need a name"] = tostring(skynet.getenv(name)) }
end

function COMMAND.setenv(name, value)
	if not value then error "Need a name and a value" end
	skynet.setenv(name, value)
end

function COMMAND.cmem()
	local result = { total = memory.total(), block = memory.block() }
	for handle, bytes in pairs(memory.info()) do result[skynet.address(handle)] = bytes end
	return result
end

function COMMAND.jmem()
	local result = {}
	for name, bytes in pairs(memory.jestat()) do
		result[name] = string.format("%11d  %8.2f Mb", bytes, bytes / 1048576)
	end
	return result
end

function COMMAND.profactive(word)
	local active = memory.profactive(switch_of(word))
	return "heap profilling is " .. (active and "active" or "deactive")
end

function COMMAND.dumpheap()
	memory.dumpheap()
end

local function bytes_text(n)
	local units = { "B", "K", "M", "G", "T" }
	local unit = 1
	while n >= 1024 and unit < #units do
		n = n / 1024
		unit = unit + 1
	end
	return unit == 1 and string.format("%dB", n) or string.format("%.2f%s", n, units[unit])
end

local function age_text(time)
	return time > 0 and string.format("%.2fs", (skynet.now() - time) / 100) or "never"
end

function COMMAND.netstat()
	local result = {}
	for i, info in ipairs(socket.netstat()) do
		local line = {}
		for name, value in pairs(info) do line[name] = value end
		line.address = skynet.address(info.address)
		line.read = info.read and bytes_text(info.read)
		line.write = info.write and bytes_text(info.write)
		line.wbuffer = info.wbuffer and bytes_text(info.wbuffer)
		line.rtime = info.rtime and age_text(info.rtime)
		line.wtime = info.wtime and age_text(info.wtime)
		result[i] = line
	end
	return result
end

-- ---- commands that need the connection or the line as it came -----------------------------------

---@class debug_console.connection
---@field fd integer
---@field reading? boolean      a task of an ended debugger still reads a line
---@field line? string|false    what it has read; false: the connection has closed

local LINE_COMMAND = {}

local function evaluate(text)
	local chunk = load("return " .. text, "=(call)", "t", {})
	if not chunk then error "Invalid arguments" end
	return chunk()
end

local function with_count(...)
	return { n = select("#", ...), ... }
end

function LINE_COMMAND.call(line)
	local address, text = line:match "^%s*%S+%s+(%S+)%s+(%S.*)$"
	if not address then
		address_of(line:match "^%s*%S+%s+(%S+)")
		error "need arguments"
	end
	return with_count(skynet.call(address_of(address), "lua", evaluate(text)))
end

-- Passes the connection's lines on to the debugger until `cont` makes it leave. It may leave by itself, too; then the
-- line that comes next is a command again.
local function pass_lines_on(connection, agent, session)
	connection.reading = true
	local text
	repeat
		text = socket.readline(connection.fd)
		if session.over then
			connection.line = text
			break
		end
		text = text and text:gsub("\r$", "") or "cont"
		skynet.send(agent, "lua", "cmd", text)
	until text == "cont"
	connection.reading = false
	skynet.wakeup(connection)
end

function LINE_COMMAND.debug(line, connection)
	local handle = address_of(line:match "^%s*%S+%s+(%S+)")
	local agent = skynet.newservice "debug_agent"
	local session = {}
	skynet.fork(pass_lines_on, connection, agent, session)
	local answered, ok, err = pcall(skynet.call, agent, "lua", "start", handle, connection.fd)
	session.over = true
	if not answered then error(ok, 0) end
	if not ok then error(err, 0) end
end

-- ---- connections --------------------------------------------------------------------------------

-- Runs one command line; returns what to send, down to the final mark.
local function run(line, connection)
	local words = {}
	for word in line:gmatch "%S+" do words[#words + 1] = word end
	local out = {}
	local ok, result = true, nil
	if LINE_COMMAND[words[1]] then
		ok, result = pcall(LINE_COMMAND[words[1]], line, connection)
	elseif COMMAND[words[1]] then
		ok, result = pcall(COMMAND[words[1]], unpack(words, 2))
	else
		ok, result = false, "Invalid command, type help for command list\n"
	end
	append(out, result)
	out[#out + 1] = ok and "<CMD OK>\n" or "<CMD Error>\n"
	return table.concat(out)
end

-- The command line that an HTTP request stands for; nil: the request is incomplete.
local function read_http(fd, method, target)
	local length = 0
	while true do
		local line = socket.readline(fd)
		if not line then return nil end
		if line:match "^%s*$" then break end
		length = tonumber(line:lower():match "^content%-length:%s*(%d+)%s*$") or length
	end
	if method == "POST" then
		if length > MAX_INPUT then return nil end
		return length > 0 and socket.read(fd, length) or ""
	end
	local words = {}
	for word in target:match("^[^?#]*"):gmatch "[^/]+" do
		words[#words + 1] = word:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
	end
	return table.concat(words, " ")
end

local function next_line(connection)
	if connection.reading then skynet.wait(connection) end
	local line = connection.line
	if line == nil then return socket.readline(connection.fd) end
	connection.line = nil
	return line
end

local function serve(fd)
	local connection = { fd = fd }
	socket.write(fd, "Welcome to skynet console\n")
	while true do
		local line = next_line(connection)
		if not line then return end
		local method, target = line:match "^(%u+) (%S+) HTTP/1%.[01]\r?$"
		if method == "GET" or method == "POST" then
			line = read_http(fd, method, target)
			if line and line:find "%S" then socket.write(fd, run(line, connection)) end
			return
		end
		if line:find "%S" then socket.write(fd, run(line, connection)) end
	end
end

local function accept(fd, address)
	if not socket.start(fd) then return end
	socket.limit(fd, MAX_INPUT)
	skynet.error(address .. " connected")
	local ok, err = xpcall(serve, debug.traceback, fd)
	if not ok then skynet.error(err) end
	skynet.error(address .. " disconnect")
	socket.close(fd)
end

local ip, port = ...
if port == nil then ip, port = "127.0.0.1", ip end

skynet.start(function()
	local number = tonumber(port)
	if not number then error("debug_console [ip] port: " .. tostring(port) .. " is not a port") end
	local listener, bound_ip, bound_port = socket.listen(ip, number)
	skynet.error(string.format("Start debug console at %s:%d", bound_ip or ip, bound_port or number))
	socket.start(listener, accept)
end)
