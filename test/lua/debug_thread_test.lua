-- config: thread = 1
-- The remote debugger on a node of one thread, which must not stand at a break for ever.
local skynet = require "skynet"
local socket = require "skynet.socket"
local T = require "harness"

T.test("watch is refused, and everything else goes on", function()
	local port = tonumber(skynet.getenv "port")
	skynet.newservice("debug_console", port)
	local target = skynet.newservice "stepped"
	local fd = assert(socket.open("127.0.0.1", port))
	T.eq(socket.readline(fd), "Welcome to skynet console")
	local prompt = skynet.address(target) .. ">"
	socket.write(fd, "debug " .. skynet.address(target) .. "\n")
	T.eq(socket.read(fd, #prompt), prompt)
	socket.write(fd, "watch 'lua'\n")
	T.ok(socket.readline(fd):find("watch needs a node of two threads or more (thread = 1)", 1, true))
	T.eq(socket.read(fd, #prompt), prompt)
	socket.write(fd, "1 + 1\n")
	T.eq(socket.readline(fd), "2\t")
	T.eq(skynet.call(target, "lua", "work", 1), 4)
	T.eq(socket.read(fd, #prompt), prompt)
	socket.write(fd, "cont\n")
	T.eq(socket.readline(fd), "<CMD OK>")
	socket.close(fd)
end)

T.run()
