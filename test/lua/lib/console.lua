--- Talks with a debug console over a connection, as somebody with nc does.
local skynet = require "skynet"
local socket = require "skynet.socket"
local T = require "harness"

local console = {}

local port = tonumber(skynet.getenv "port")
local running

--- A connection that has been welcomed. The first one starts the console, at the case's port.
---@async
function console.open()
	running = running or skynet.newservice("debug_console", port)
	local fd = assert(socket.open("127.0.0.1", port))
	T.eq(socket.readline(fd), "Welcome to skynet console")
	return fd
end

--- Reads until `text` has come; returns what came up to its end.
---@async
function console.till(fd, text)
	local got = ""
	while got:sub(-#text) ~= text do
		local byte = socket.read(fd, 1)
		if not byte then error("closed after " .. got, 2) end
		got = got .. byte
	end
	return got
end

--- Attaches the debugger to a service. → function(line[, expected]), which gives the answer up to the end of
--- `expected`, or of the debugger's prompt; and that prompt
---@async
function console.attach(fd, handle)
	local prompt = skynet.address(handle) .. ">"
	local function tell(line, expected)
		socket.write(fd, line .. "\n")
		return console.till(fd, expected or prompt)
	end
	tell("debug " .. skynet.address(handle))
	return tell, prompt
end

return console
