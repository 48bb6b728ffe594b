-- The console with awkward clients, and the remote debugger step by step.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local T = require "harness"
local console = require "console"

local open, till, attach = console.open, console.till, console.attach

local function ask(fd, line)
	socket.write(fd, line .. "\n")
	return till(fd, ">\n")
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

T.run(1500)
