--- The console of a node over TCP: `debug_console [ip] port`. A command a line; answers end with `<CMD OK>` or
--- `<CMD Error>`. Also over HTTP: `GET /command/argument`, or `POST` with the command line as the body; what a web page
--- makes a browser send is refused.
--
-- Debug tools replace commands at run time: they find the table COMMAND through the upvalues of the function that
-- accepts connections, so the way from there to the table leads through local functions only.
local skynet = require "skynet"
require "skynet.manager"
local codecache = require "skynet.codecache"
local core = require "skynet.core"
local written = require "skynet.engine".written
local memory = require "skynet.memory"
local snax = require "skynet.snax"
local socket = require "skynet.socket"
local closing = require "skynet.socket.closing"
local driver = require "skynet.socketdriver"
local framing = require "http.framing"
local parser = require "skynet.http.parser"

local unpack = table.unpack or unpack ---@diagnostic disable-line: deprecated

local WAIT = 300 -- 1/100 s: how long stat, mem and gc wait for the services
local MAX_INPUT = 64 * 1024 -- bytes of a line, or of an HTTP body
local MAX_FIELDS = 100      -- lines of an HTTP head
local LEFT_WAIT = 500       -- 1/100 s: so long a command may go on when its client has left
local MAX_UNREAD = 1024 * 1024 -- bytes of answers that may wait to be sent when the next line is taken up
local UNREAD_WAIT = 1000    -- 1/100 s: so long a client that sends lines may read nothing of more than that

local HELP = {
	help = "help : this list",
	list = "list : the services",
	stat = "stat [ti] : state of the services; ti: 1/100 s to wait, default 300, 0 for ever",
	mem = "mem [ti] : Lua memory of the services",
	gc = "gc [ti] : collect garbage in all services, then mem",
	info = "info address ... : what a service tells about itself",
	task = "task address : blocked coroutines of a service, with their stacks",
	uniqtask = "uniqtask address : the same, coroutines with the same stack as one",
	killtask = "killtask address name : end a coroutine; name: a part of what task shows",
	dbgcmd = "dbgcmd address command ... : send a debug command",
	ping = "ping address : round trip time in 1/100 s",
	exit = "exit address : let a service end",
	kill = "kill address : end a service",
	start = "start name ... : start a service",
	log = "log name ... : start a service and log its messages",
	snax = "snax name ... : start a snax service",
	service = "service : the unique services; of those that are not ready, who initialises, launches and waits",
	inject = "inject address file ... : run a Lua file inside a service",
	call = "call address values : call a service; values: Lua expressions",
	trace = "trace address [proto] [on|off] : log the way of requests",
	signal = "signal address [n] : 0 breaks an endless loop, 1 logs the memory in use",
	logon = "logon address : log the messages of a service",
	logoff = "logoff address : end logon",
	clearcache = "clearcache : let changed Lua files be read again",
	getenv = "getenv name : a value of the config",
	setenv = "setenv name value : set a new one",
	cmem = "cmem : C memory of the services",
	jmem = "jmem : statistics of the allocator",
	netstat = "netstat : the sockets",
	cluster = "cluster : the links to and from other nodes",
	nodes = "nodes : the nodes of the cluster, and how this one stands with etcd",
	drain = "drain : take this node out of the cluster, finish what is under way, and end",
	profactive = "profactive [on|off] : heap profiling",
	dumpheap = "dumpheap : write a heap profile",
	debug = "debug address : debug a lua service; cont leaves it",
}

-- ---- answers as text ----------------------------------------------------------------------------

local function sorted_keys(t)
	local keys, names = {}, {}
	for key in pairs(t) do
		keys[#keys + 1] = key
		names[key] = tostring(written(key))
	end
	table.sort(keys, function(a, b) return names[a] < names[b] end)
	return keys, names
end

local function one_line(value)
	if type(value) ~= "table" then return tostring(written(value)) end
	local keys, names = sorted_keys(value)
	local parts = {}
	for i, key in ipairs(keys) do parts[i] = names[key] .. ":" .. tostring(written(value[key])) end
	return table.concat(parts, "\t")
end

local function append(out, result)
	if type(result) == "table" then
		local keys, names = sorted_keys(result)
		for _, key in ipairs(keys) do out[#out + 1] = names[key] .. "\t" .. one_line(result[key]) .. "\n" end
	elseif result ~= nil then
		out[#out + 1] = tostring(written(result)) .. "\n"
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

-- The address of a service that takes debug commands.
local function lua_address_of(word)
	local handle = address_of(word)
	local module = core.command("MODULE", skynet.address(handle))
	if module and module ~= "snlua" and module ~= "snjit" then
		error(string.format("%s is a C service (%s), it takes no debug commands", skynet.address(handle), module), 0)
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
	return skynet.call(lua_address_of(word), "debug", ...)
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
	local handle = lua_address_of(address)
	local start = skynet.now()
	skynet.call(handle, "debug", "PING")
	return skynet.now() - start
end

function COMMAND.exit(address)
	skynet.send(lua_address_of(address), "debug", "EXIT")
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
	local handle = lua_address_of(address)
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
	skynet.call(lua_address_of(address), "debug", "TRACELOG", proto or "lua", switch_of(flag))
end

function COMMAND.signal(address, n)
	if n and not tonumber(n) then error(n .. " is not the number of a signal") end -- it would be 0, which breaks what runs
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

function COMMAND.cluster()
	local clusterd = skynet.localname ".clusterd"
	if not clusterd then return "this node uses no cluster" end
	local result = {}
	for i, link in ipairs(skynet.call(clusterd, "lua", "links")) do
		for _, name in ipairs { "bytes_in", "bytes_out", "saved_in", "saved_out" } do
			link[name] = link[name] and bytes_text(link[name])
		end
		for _, name in ipairs { "in_flight", "requests", "errors", "connections" } do
			link[name] = link[name] and string.format("%d", link[name])
		end
		link.since = link.since and age_text(link.since)
		result[i] = link
	end
	return result
end

function COMMAND.nodes()
	local clusterd = skynet.localname ".clusterd"
	if not clusterd then return "this node uses no cluster" end
	local _, result = skynet.call(clusterd, "lua", "members")
	local discovery = skynet.localname ".clusterdiscovery"
	if discovery then result[#result + 1] = skynet.call(discovery, "lua", "status") end
	return result
end

function COMMAND.drain()
	skynet.send(".launcher", "lua", "SHUTDOWN")
	return "this node ends"
end

-- ---- commands that need the connection or the line as it came -----------------------------------

---@class debug_console.connection
---@field fd integer
---@field address string
---@field task thread           that serves it
---@field lasting? boolean      the command that runs ends by itself
---@field closed? boolean
---@field reading? boolean      a task of an ended debugger still reads a line
---@field line? string|false    what it has read; false: the connection has closed
---@field unread? table         the token of a wait for the client to read

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

-- Waits until the client has read most of what it was sent. A client that only sends would have its answers kept without
-- bound. False: it reads nothing, and is cut off.
local function has_read(connection)
	local fd = connection.fd
	local before
	while driver.unsent(fd) > MAX_UNREAD do
		local unsent = driver.unsent(fd)
		local taken = driver.acknowledged(fd) or -unsent
		if taken == before then
			skynet.error(string.format("%s is cut off: it sends commands and does not read their answers, %s of which wait",
				connection.address, bytes_text(unsent)))
			socket.shutdown(fd)
			return false
		end
		before = taken
		socket.pause(fd) -- lines that come meanwhile wait in the system
		connection.unread = {}
		skynet.sleep(UNREAD_WAIT, connection.unread)
	end
	return true
end

-- Passes the connection's lines on to the debugger until `cont` makes it leave. It may leave by itself, too; then the
-- line that comes next is a command again.
local function pass_lines_on(connection, agent, session)
	connection.reading = true
	local text
	repeat
		text = has_read(connection) and socket.readline(connection.fd)
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
	local handle = lua_address_of(line:match "^%s*%S+%s+(%S+)")
	local agent = skynet.newservice "debug_agent"
	local session = {}
	skynet.fork(pass_lines_on, connection, agent, session)
	local answered, ok, err = pcall(skynet.call, agent, "lua", "start", handle, connection.fd)
	session.over = true
	if not answered then error(ok, 0) end
	if not ok then error(err, 0) end
end

-- ---- connections --------------------------------------------------------------------------------

-- Whether a command ends by itself, so that nobody need end it.
local function is_lasting(name, argument)
	if name == "stat" or name == "mem" or name == "gc" then return (tonumber(argument) or WAIT) > 0 end
	return name == "debug"
end

-- Runs one command line; returns what to send, down to the final mark.
local function run(line, connection)
	local words = {}
	for word in line:gmatch "%S+" do words[#words + 1] = word end
	connection.lasting = is_lasting(words[1], words[2])
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

-- Whether no web page can have this name: a page that was loaded from a name of its own can let that name lead here.
-- A name without a dot is none of the Internet.
local function is_local_host(host)
	if type(host) ~= "string" then return false end
	if host:find "^%[[%x:.]+%]:?%d*$" then return true end
	local name = host:lower():match "^([^:%[%]]+):?%d*$"
	return name ~= nil and (name:find "^%d+%.%d+%.%d+%.%d+$" ~= nil or not name:find(".", 1, true))
end

-- Why a request is not answered; nil: it is. Browsers say so when it is a page that sends it.
local function refusal(header)
	if header.origin then return "sent by a web page (Origin)" end
	if header.referer then return "sent by a web page (Referer)" end
	local site = header["sec-fetch-site"]
	if site and site ~= "none" then return "sent by a web page (Sec-Fetch-Site)" end
	if header.host and not is_local_host(header.host) then return "for another host" end
	return nil
end

-- The fields of an HTTP request; nil: incomplete, or malformed
local function read_fields(fd)
	local lines = {}
	for n = 1, MAX_FIELDS do
		local line = socket.readline(fd)
		if not line then return nil end
		line = line:gsub("\r$", "")
		if line == "" then return parser.lines(lines, 1, {}) end
		lines[n] = line
	end
	return nil
end

-- The command line that an HTTP request stands for; nil, and perhaps why, when it stands for none.
local function read_http(fd, method, target, version)
	local header = read_fields(fd)
	if not header then return nil end
	local kind, length = framing.of_request(header, version, true)
	if kind == "length" then
		if length > MAX_INPUT then return nil end
	elseif kind ~= "none" then
		return nil
	end
	local body = length and length > 0 and socket.read(fd, length) or ""
	local why = refusal(header)
	if why then return nil, why end
	if method == "POST" then return body end
	local words = {}
	for word in target:match("^[^?#]*"):gmatch "[^/]+" do
		words[#words + 1] = word:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
	end
	return table.concat(words, " ")
end

local function next_line(connection)
	if connection.reading then skynet.wait(connection) end
	local line = connection.line
	if line == nil then return has_read(connection) and socket.readline(connection.fd) end
	connection.line = nil
	return line
end

local function answer_http(connection, method, target, version)
	local fd = connection.fd
	local line, why = read_http(fd, method, target, tonumber(version))
	if why then
		skynet.error(string.format("Refuse a request of %s: %s", connection.address, why))
		socket.write(fd, "Refused: " .. why .. "\n<CMD Error>\n")
	elseif line and line:find "%S" then
		socket.write(fd, run(line, connection))
	end
end

local function serve(connection)
	local fd = connection.fd
	socket.write(fd, "Welcome to skynet console\n")
	while true do
		local line = next_line(connection)
		if not line then return end
		local method, target, version = line:match "^(%S+) (.*) HTTP/(%S*)\r?$"
		if method then
			-- Of another request no line is a command either.
			local is_ours = (method == "GET" or method == "POST") and not target:find "%s"
			if is_ours and (version == "1.1" or version == "1.0") then answer_http(connection, method, target, version) end
			return
		end
		if line:find "%S" then socket.write(fd, run(line, connection)) end
	end
end

local close = closing(UNREAD_WAIT)

local function hang_up(connection)
	if connection.closed then return end
	connection.closed = true
	skynet.error(connection.address .. " disconnect")
	socket.onclose(connection.fd, nil)
	close(connection.fd)
end

-- The client has left, or will send no more; it may still read. What its command waits for may never come.
local function client_left(connection)
	skynet.timeout(LEFT_WAIT, function()
		if connection.closed then return end
		if connection.lasting then return client_left(connection) end
		skynet.killthread(connection.task)
		hang_up(connection)
	end)
end

local function accept(fd, address)
	if not socket.start(fd) then return end
	socket.limit(fd, MAX_INPUT)
	skynet.error(address .. " connected")
	local connection = { fd = fd, address = address, task = coroutine.running() }
	socket.onclose(fd, function() client_left(connection) end)
	socket.warning(fd, function(_, kbytes)
		if kbytes == 0 and connection.unread then skynet.wakeup(connection.unread) end
	end)
	local ok, err = xpcall(serve, debug.traceback, connection)
	if not ok then skynet.error(err) end
	hang_up(connection)
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
