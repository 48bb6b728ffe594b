-- config: logger = "log.txt"
-- The console with awkward clients, and the remote debugger step by step.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local net = require "net"
local T = require "harness"
local console = require "console"

local open, till, attach = console.open, console.till, console.attach

local function ask(fd, line)
	socket.write(fd, line .. "\n")
	return till(fd, ">\n")
end

local function console_handle()
	for address, what in pairs(skynet.call(".launcher", "lua", "LIST")) do
		if what:find "^snlua debug_console %d" then return tonumber(address:sub(2), 16) end
	end
end

T.test("results that are no table or text are printed", function()
	local fd = open()
	local echo = skynet.address(skynet.newservice "echo")
	T.ok(ask(fd, "dbgcmd " .. echo .. " MEM"):match "^[%d.]+\n<CMD OK>\n$")
	T.eq(ask(fd, "dbgcmd " .. echo .. " SUPPORT lua"), "true\n<CMD OK>\n")
	socket.close(fd)
end)

T.test("a client that closes in the middle of a command leaves the console working", function()
	local fd = open()
	socket.write(fd, "list\nstat\nmem")
	socket.close(fd)
	fd = open()
	T.ok(ask(fd, "list"):find("snlua debug_console", 1, true))
	socket.close(fd)
end)

T.test("a line without end is cut off", function()
	local fd = open()
	socket.write(fd, ("x"):rep(1024 * 1024))
	T.eq(socket.readall(fd) or "", "")
	socket.close(fd)
end)

T.test("HTTP: escapes, a body that is too long, none, and one that does not come", function()
	local function http(request)
		local fd = open()
		socket.write(fd, request)
		local answer = socket.readall(fd)
		socket.close(fd)
		return answer or ""
	end
	T.eq(http "GET /getenv%20thread?x=1 HTTP/1.0\r\n\r\n", "thread\t4\n<CMD OK>\n")
	T.eq(http "POST / HTTP/1.1\r\ncontent-length: 13\r\n\r\ngetenv thread", "thread\t4\n<CMD OK>\n")
	T.eq(http "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "")
	T.eq(http "POST / HTTP/1.1\r\n\r\n", "")
	T.eq(http "GET / HTTP/1.1\r\n\r\n", "")
end)

-- → what the console answers to a request with these lines in its head
local function request(first, fields, body)
	local fd = open()
	socket.write(fd, first .. "\r\n" .. fields .. "\r\n" .. (body or ""))
	local answer = socket.readall(fd)
	socket.close(fd)
	return answer or ""
end

T.test("HTTP: what a web page makes a browser send is refused, and not run", function()
	local n = 0
	for _, fields in ipairs {
		"Host: 127.0.0.1\r\nOrigin: http://evil.example\r\n", "Host: 127.0.0.1\r\norigin: null\r\n",
		"Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", "Host: localhost\r\nSEC-FETCH-SITE: same-site\r\n",
		"Host: localhost\r\nReferer: http://evil.example/\r\n", "Host: evil.example\r\n", "Host: evil.example:8000\r\n",
		"Host: 127.0.0.1.evil.example\r\n", "Host: localhost.evil.example\r\n", "Host: localhost\r\nHost: evil.example\r\n",
		"Host: [::1].evil.example\r\n",
	} do
		n = n + 1
		local answer = request("GET /setenv/console_page_" .. n .. "/set HTTP/1.1", fields)
		T.ok(answer:find "^Refused: .*<CMD Error>\n$", fields .. answer)
		local line = "setenv console_page_" .. n .. " set"
		answer = request("POST / HTTP/1.1", fields .. "Content-Type: text/plain\r\nContent-Length: " .. #line .. "\r\n", line)
		T.ok(answer:find "^Refused: .*<CMD Error>\n$", fields .. answer)
		T.eq(skynet.getenv("console_page_" .. n), nil)
	end
end)

T.test("HTTP: what somebody asks for by an address, as localhost or by a short name is answered", function()
	for _, fields in ipairs {
		"", "Host: localhost\r\n", "Host: LocalHost:8000\r\n", "Host: 127.0.0.1:8000\r\n", "Host: [::1]:8000\r\n",
		"Host: gamehost\r\n", "Host: 127.0.0.1\r\nSec-Fetch-Site: none\r\n",
	} do
		T.eq(request("GET /getenv/thread HTTP/1.1", fields), "thread\t4\n<CMD OK>\n", fields)
	end
end)

T.test("HTTP: no line of another request is a command", function()
	for _, first in ipairs { "PUT / HTTP/1.1", "OPTIONS / HTTP/1.1", "GET / HTTP/2", "get / HTTP/1.1", "GET /a b HTTP/1.1x" } do
		T.eq(request(first, "x: y\r\n", "setenv console_other set\n"):find("CMD OK", 1, true), nil, first)
	end
	for _, fields in ipairs { "x : y\r\n", "x: y\r\n z\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
		("x: y\r\n"):rep(200) } do
		T.eq(request("POST / HTTP/1.1", fields, "setenv console_other set\n"), "", fields)
	end
	T.eq(skynet.getenv "console_other", nil)
end)

T.test("a C service is told apart, instead of being waited for", function()
	local fd = open()
	for _, command in ipairs { "ping", "task", "uniqtask", "info", "exit", "trace", "debug", "killtask", "dbgcmd", "inject" } do
		local rest = command == "inject" and " /dev/null" or " x"
		T.eq(ask(fd, command .. " .logger" .. rest),
			skynet.address(skynet.localname ".logger") .. " is a C service (logger), it takes no debug commands\n<CMD Error>\n", command)
	end
	socket.close(fd)
end)

T.test("a client that leaves while its command waits leaves no descriptor and no task", function()
	local fd = open()
	local mute = skynet.newservice "mute"
	local before = #socket.netstat()
	local handle = console_handle()
	for i = 1, 20 do
		local client = open()
		socket.write(client, (i % 2 == 0 and "call %s 'x'\n" or "GET /call/%s/1 HTTP/1.1\r\n\r\n"):format(skynet.address(mute)))
		if i % 4 < 2 then socket.close(client) else socket.shutdown(client) end
	end
	T.eventually(function()
		local tasks = 0
		for task in pairs(skynet.call(handle, "debug", "TASK")) do
			if task:find "^thread" then tasks = tasks + 1 end
		end
		return #socket.netstat() <= before and tasks <= 1
	end, 1000)
	T.ok(ask(fd, "ping .launcher"):match "^%d+\n<CMD OK>\n$")
	socket.close(fd)
end)

T.test("a client that ends its own side, as `nc -N` does, gets the answer of a slow command", function()
	local slow = skynet.newservice "holder"
	T.eq(net.ask_and_end(tonumber(skynet.getenv "port"), ("call %s 'slow', 200\n"):format(skynet.address(slow))),
		"Welcome to skynet console\n1\tslow\nn\t1\n<CMD OK>\n")
end)

local function logged(pattern)
	local file = assert(io.open "log.txt")
	local text = file:read "*a"
	file:close()
	return text:find(pattern)
end

-- An answer of 2 MiB.
local function large_answer()
	return ("call %s 'echo', ('x'):rep(2 * 1024 * 1024)\n"):format(skynet.address(skynet.newservice "echo"))
end

T.test("a client that sends commands and reads no answer is cut off, and named in the log; others go on", function()
	local before = #socket.netstat()
	local fd, other = open(), open()
	socket.pause(fd)
	socket.write(fd, large_answer():rep(20))
	T.eventually(function() return #socket.netstat() < before + 4 end, 3000) -- two connections, both ends of each
	T.ok(ask(other, "ping .launcher"):match "^%d+\n<CMD OK>\n$")
	T.ok(logged "127%.0%.0%.1:%d+ is cut off: it sends commands and does not read their answers, %d+%.%d+M of which wait")
	T.ok(#(socket.readall(fd) or "") < 20 * 2 * 1024 * 1024)
	socket.close(fd)
	socket.close(other)
end)

-- Whether a connection of this node has more than a megabyte to send.
local function is_full()
	for _, info in ipairs(socket.netstat()) do
		if (info.wbuffer or 0) > 1024 * 1024 then return true end
	end
	return false
end

T.test("a client that leaves the last answer unread is cut off", function()
	local fd = open()
	socket.pause(fd)
	local body = ("call %s 'echo', ('x'):rep(20 * 1024 * 1024)"):format(skynet.address(skynet.newservice "echo"))
	socket.write(fd, ("POST / HTTP/1.0\r\ncontent-length: %d\r\n\r\n%s"):format(#body, body))
	T.eventually(is_full)
	T.eventually(function() return not is_full() end, 3000)
	T.ok(#(socket.readall(fd) or "") < 20 * 1024 * 1024)
	socket.close(fd)
end)

T.test("a client that sends many commands at once and reads later gets all answers", function()
	local fd = open()
	socket.pause(fd)
	socket.write(fd, large_answer():rep(10))
	T.eventually(is_full)
	for _ = 1, 10 do
		T.eq(socket.readline(fd), "1\t" .. ("x"):rep(2 * 1024 * 1024))
		T.eq(socket.readline(fd), "n\t1")
		T.eq(socket.readline(fd), "<CMD OK>")
	end
	socket.close(fd)
end)

T.test("missing arguments are named", function()
	local fd = open()
	for line, text in pairs {
		["task"] = "Need an address",
		["killtask .launcher"] = "Need the name of a coroutine",
		["dbgcmd .launcher"] = "Need a debug command",
		["inject .launcher"] = "Need the name of a file",
		["getenv"] = "Need a name",
		["setenv only"] = "Need a name and a value",
		["stat soon"] = "soon is not a time",
		["signal .launcher x"] = "x is not the number of a signal",
		["call"] = "Need an address",
		["debug"] = "Need an address",
		["debug .nobody"] = "Not a valid name",
		["info ::1"] = "Need an address",
		["info :123456789"] = "Need an address",
	} do
		local answer = ask(fd, line)
		T.ok(answer:find(text, 1, true) and answer:find("<CMD Error>", 1, true), line .. ": " .. answer)
	end
	socket.close(fd)
end)

T.test("the debugger steps over, into and out of functions, and over a wait", function()
	local fd, target = open(), skynet.newservice "stepped"
	local tell, prompt = attach(fd, target)
	tell "watch('lua', function(session, source, cmd, x) return x == 5 end)"
	T.eq(skynet.call(target, "lua", "work", 1), 4, "the condition does not hold")
	local result
	skynet.fork(function() result = skynet.call(target, "lua", "work", 5) end)
	T.ok(till(fd, ">"):find("stepped.lua(18)>", 1, true))
	T.ok(tell("cmd, x", ">"):find("work\t5\t\n", 1, true))
	T.ok(tell("n", ">"):find("(19)>", 1, true))
	T.ok(tell("s", ">"):find("(10)>", 1, true))
	T.ok(tell("n", ">"):find("(11)>", 1, true))
	T.ok(tell("a", ">"):find("^10\t\n"))
	T.eq(tell("a = 20", ">"):match "^[^\n]*%(11%)>$" ~= nil, true)
	T.ok(tell("n", ">"):find("(12)>", 1, true))
	T.ok(tell("s", ">"):find("(5)>", 1, true))
	tell("c", prompt)
	T.eventually(function() return result end)
	T.eq(result, 40)
	tell("cont", "<CMD OK>\n")
	T.eq(skynet.call(target, "lua", "work", 5), 20)
	socket.close(fd)
end)

T.test("a second debugger is refused", function()
	local fd, other, target = open(), open(), skynet.newservice "stepped"
	local tell = attach(fd, target)
	socket.write(other, "debug " .. skynet.address(target) .. "\n")
	T.ok(till(other, "<CMD Error>\n"):find("Debugger attach failed", 1, true))
	T.ok(ask(other, "ping .launcher"):match "^%d+\n<CMD OK>\n$")
	tell("cont", "<CMD OK>\n")
	socket.close(other)
	socket.close(fd)
end)

T.test("the service goes on when the debugger's connection breaks, also at a break", function()
	local fd, target = open(), skynet.newservice "stepped"
	attach(fd, target) "watch 'lua'"
	local result
	skynet.fork(function() result = skynet.call(target, "lua", "work", 1) end)
	till(fd, "(18)>")
	socket.close(fd)
	T.eventually(function() return result end)
	T.eq(result, 4)
	fd = open()
	attach(fd, target)("cont", "<CMD OK>\n")
	socket.close(fd)
end)

T.test("the console goes on when the service ends under the debugger", function()
	local fd, target = open(), skynet.newservice "stepped"
	attach(fd, target)
	skynet.send(target, "lua", "exit")
	T.eventually(function() return skynet.send(target, "debug", "NONE") == nil end)
	T.ok(till(fd, "<CMD Error>\n"):find("call failed", 1, true))
	T.ok(ask(fd, "ping .launcher"):match "^%d+\n<CMD OK>\n$")
	socket.close(fd)
end)

-- The example of docs/console.md.
T.test("a file that is injected replaces a function of a running service, which keeps its variables", function()
	local fd, shop = open(), skynet.newservice "shop"
	local address = skynet.address(shop)
	T.eq(skynet.call(shop, "lua", "buy", 2), 20)
	local file = assert(package.searchpath("shop_fix", package.path))
	T.eq(ask(fd, ("inject %s %s"):format(address, file)), "a piece costs 12 now\n<CMD OK>\n")
	T.eq(ask(fd, ("call %s 'buy', 1"):format(address)), "1\t36\nn\t1\n<CMD OK>\n")
	socket.close(fd)
end)

-- The last one: the inject changes the console.
T.test("help shows each command, a tab, its usage and what it does, also those of the inject", function()
	local fd = open()
	local help = ask(fd, "help")
	local n = 0
	for line in help:gmatch "[^\n]+" do
		if line ~= "<CMD OK>" then
			local name, usage = line:match "^(%S+)\t(.-) : %S"
			T.ok(name and (usage == name or usage:sub(1, #name + 1) == name .. " "), line)
			n = n + 1
		end
	end
	T.ok(n >= 32, help)
	T.ok(("\n" .. help):find("\ndebug\tdebug address : debug a lua service", 1, true), help)
	require "debug_console_inject"(console_handle())
	T.ok(ask(fd, "help"):find("\nstat\tstat [ti] : state and memory", 1, true))
	socket.close(fd)
end)

T.run(4000)
