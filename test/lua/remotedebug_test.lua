-- config: thread = 1
-- config: logger = "./node.log"
-- Breaks of the remote debugger on a node of one thread: what stands must hold up nothing but itself.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local T = require "harness"
local console = require "console"

local echo

-- A service with a debugger: send() and till() talk with the console, call() calls the service aside.
local function debugged()
	echo = echo or skynet.newservice "echo"
	local fd, target = console.open(), skynet.newservice "breakable"
	local tell, prompt = console.attach(fd, target)
	local d = { target = target, fd = fd }

	function d.till(text)
		return console.till(fd, text):sub(1, -#text - 1)
	end

	function d.send(line, expected)
		return tell(line, expected):sub(1, -#(expected or prompt) - 1)
	end

	-- The line at which it stands now; nil: it runs freely.
	function d.go(how)
		return tonumber(d.send(how, ">"):match "%((%d+)%)$")
	end

	function d.call(...)
		local call = {}
		skynet.fork(function(...)
			call.results = { pcall(skynet.call, target, "lua", ...) }
		end, ...)
		return call
	end

	-- Calls, and goes on to the first line of command.NAME.
	function d.call_and_enter(line, ...)
		d.send "watch 'lua'"
		local call = d.call(...)
		d.till "(87)>"
		while d.go "s" ~= line do end
		return call
	end

	function d.result(call)
		return T.eventually(function() return call.results end)
	end

	function d.leave()
		d.send("cont", "<CMD OK>\n")
		socket.close(fd)
	end

	-- Lets the called function run to its end, and leaves.
	function d.finish(call)
		d.go "c"
		local results = d.result(call)
		d.leave()
		return results
	end

	return d
end

T.test("other messages are handled while one stands, also those of its protocol", function()
	local d = debugged()
	local call = d.call_and_enter(9, "block", echo, "x")
	T.eq(skynet.call(d.target, "lua", "echo", 1, 2), 1)
	T.ok(skynet.call(d.target, "debug", "PING") == nil)
	T.eq(d.send("x", "(9)>"):match "^x\t\n", "x\t\n")
	T.eq(call.results, nil)
	T.eq(d.go "c", nil)
	T.eq(d.result(call), { true, "xkept" })
	d.leave()
end)

T.test("a condition that raises, or is none, fails no request", function()
	local d = debugged()
	T.ok(d.send "watch('lua', 5)":find "the condition is a function, not a number")
	d.send "watch('lua', function() error 'bad condition' end)"
	for _ = 1, 2 do
		T.eq(d.result(d.call("echo", 1)), { true, 1 })
		T.ok(d.till(">"):find "bad condition")
	end
	d.leave()
end)

T.test("two services stand at once, and a third goes on", function()
	local a, b = debugged(), debugged()
	local first, second = a.call_and_enter(28, "fail", "a"), b.call_and_enter(9, "block", echo, "b")
	T.eq(skynet.call(echo, "lua", "echo", "on"), "on")
	T.eq(b.send("x", "(9)>"):match "^b\t\n", "b\t\n")
	T.eq(a.send("x", "(28)>"):match "^a\t\n", "a\t\n")
	b.go "c"
	T.eq(b.result(second), { true, "bkept" })
	T.eq(first.results, nil)
	a.go "c"
	T.eq((a.result(first)[1]), false)
	a.leave()
	b.leave()
end)

T.test("it steps over functions that block", function()
	local d = debugged()
	local call = d.call_and_enter(9, "block", echo, "x")
	T.eq(d.go "n", 10)
	T.eq(d.go "n", 11)
	T.eq(d.go "n", 12)
	T.eq(d.go "n", 90)
	T.eq(d.go "n", nil)
	T.eq(d.result(call), { true, "xkept" })
	d.leave()
end)

T.test("each line is one stop, on both engines", function()
	local d = debugged()
	local call = d.call_and_enter(47, "lines", 1)
	T.eq({ d.go "n", d.go "n", d.go "n", d.go "n", d.go "n", d.go "n", d.go "n", d.go "n" },
		{ 48, 49, 48, 49, 48, 51, 52, 90 })
	d.go "c"
	T.eq(d.result(call), { true, 8 })
	call = d.call_and_enter(47, "lines", 1)
	T.eq({ d.go "s", d.go "s", d.go "s" }, { 43, 43, 48 })
	T.eq(d.finish(call), { true, 8 })
end)

T.test("to step over a deep recursion takes no time", function()
	local d = debugged()
	local call = d.call_and_enter(79, "deep", 3000)
	T.eq(d.go "n", 80)
	T.eq(d.finish(call), { true, 3000 })
end)

T.test("a coroutine inside of the function may block and yield", function()
	local d = debugged()
	local call = d.call_and_enter(21, "inner")
	T.eq({ d.go "n", d.go "n", d.go "n" }, { 22, 23, 24 })
	T.eq(d.send("a, b", "(24)>"):match "^%S+\t%S+\t\n", "2\t4\t\n")
	T.eq(d.finish(call), { true, 2, 4 })
end)

T.test("a function that C code calls is no place to stand", function()
	local d = debugged()
	local call = d.call_and_enter(37, "sort")
	T.eq({ d.go "s", d.go "s", d.go "s" }, { 38, 39, 90 })
	T.eq(d.finish(call), { true, 1 })
end)

T.test("expressions see and set the variables of the function", function()
	local d = debugged()
	local call = d.call_and_enter(9, "block", echo, "x")
	T.eq(d.go "n", 10)
	T.eq(d.send("a .. x", "(10)>"):match "^[^\n]*\n", "xx\t\n")
	T.ok(d.send("b", "(10)>"):find "^nil\t\n", "not yet")
	d.send("a = 'set'", "(10)>")
	T.eq(d.go "n", 11)
	d.send("kept = 'too'", "(11)>")
	T.ok(d.send("type(_CO), coroutine.status(_CO)", "(11)>"):find("thread\tsuspended\t\n", 1, true))
	T.ok(d.send("require('skynet').call(peer, 'lua', 'echo', 'blocks')", "(11)>"):find("^blocks\t\n"))
	T.ok(d.send("collectgarbage()", "(11)>"):find("^0\t\n"))
	T.ok(d.send("setmetatable({}, { __tostring = error })", "(11)>"):find("without a text", 1, true))
	T.eq(d.go "n", 12)
	d.go "c"
	T.eq(d.result(call), { true, "settoo" })
	T.eq(skynet.call(d.target, "lua", "kept"), "too")
	d.leave()
end)

T.test("the request is that of the task that is stepped", function()
	local d = debugged()
	local call = d.call_and_enter(56, "context")
	T.eq(skynet.call(d.target, "lua", "echo", "other"), "other")
	T.eq(d.go "n", 57)
	d.go "c"
	T.eq(d.result(call), { true, skynet.self(), true })
	call = d.call_and_enter(61, "respond")
	T.eq(d.go "n", 62)
	T.eq(d.finish(call), { true, "later" })
end)

T.test("an error has its message and traceback, and the caller is told", function()
	local d = debugged()
	local call = d.call_and_enter(28, "fail", "all")
	T.eq(d.go "n", 29)
	d.send("n")
	T.eq((d.result(call)[1]), false)
	T.eventually(function()
		local f = assert(io.open "node.log")
		local log = f:read "*a"
		f:close()
		return log:find("breakable%.lua:29: told all\nstack traceback:.-breakable%.lua:29: in .-breakable%.lua:89: in ")
	end)
	T.eq(skynet.call(d.target, "lua", "echo", 1), 1)
	d.leave()
end)

T.test("lines that come at once are taken one after the other", function()
	local d = debugged()
	local call = d.call_and_enter(28, "fail", "it")
	T.ok(d.send "n\ntext\nc":find "%(29%)>told it\t\n%S+%(29%)>$")
	T.eq((d.result(call)[1]), false)
	d.leave()
end)

T.test("a killed service or one that exits answers the request that stands", function()
	for _, finish in ipairs {
		function(target) skynet.kill(target) end,
		function(target) skynet.send(target, "lua", "exit") end,
	} do
		local d = debugged()
		local call = d.call_and_enter(9, "block", echo, "x")
		finish(d.target)
		T.eq((d.result(call)[1]), false)
		d.till "<CMD Error>\n"
		socket.close(d.fd)
	end
	local d = debugged()
	local call = d.call_and_enter(89, "exit")
	d.send("n", "<CMD Error>\n")
	T.eq((d.result(call)[1]), false)
	socket.close(d.fd)
end)

T.test("a killed task leaves the debugger where no task stands", function()
	local d = debugged()
	local call = d.call_and_enter(9, "block", echo, "x")
	d.send "require('skynet').killthread(_CO)"
	T.eq((d.result(call)[1]), false)
	T.eq(d.send "1 + 1", "2\t\n")
	call = d.call_and_enter(28, "fail", "again")
	T.eq(d.finish(call)[1], false)
end)

T.test("the function goes on when the debugger leaves, standing or blocked", function()
	for _, leave in ipairs {
		function(d) d.leave() end,
		function(d) socket.close(d.fd) end,
	} do
		local d = debugged()
		local call = d.call_and_enter(9, "block", echo, "x")
		leave(d)
		T.eq(d.result(call), { true, "xkept" })
		d = debugged()
		call = d.call_and_enter(9, "block", echo, "x")
		T.eq(d.go "n", 10)
		socket.write(d.fd, "n\n")
		leave(d)
		T.eq(d.result(call), { true, "xkept" })
		T.eq(skynet.call(d.target, "lua", "block", echo, "y"), "ykept")
	end
end)

T.run(1500)
