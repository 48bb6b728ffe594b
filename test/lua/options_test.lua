-- Options that are numbers, as a node reads them when it starts.
local T = require "harness"

-- What a node says that is started with these lines; it ends by itself.
local function output(lines)
	local name = os.tmpname()
	local file = assert(io.open(name, "w"))
	file:write(lines, '\nharbor = harbor or 0\nbootstrap = "nosuchmodule"\n')
	file:close()
	local node = assert(io.popen("/proc/$PPID/exe " .. name .. " 2>&1"))
	local text = node:read "*a"
	node:close()
	os.remove(name)
	return text
end

local function refused(lines, key, value)
	local text = output(lines)
	T.ok(text:find("Invalid " .. key .. " " .. value .. " , should be in", 1, true), text)
end

local function taken(lines)
	local text = output(lines)
	T.ok(text:find("Bootstrap error", 1, true), text)
end

T.test("a number that is none, or is not in its range, ends the start", function()
	refused("thread = 0", "thread", "0")
	refused('thread = "many"', "thread", "many")
	refused('thread = "4 cores"', "thread", "4 cores")
	refused("thread = 1.5", "thread", "1.5")
	refused('harbor = "two"', "harbor", "two")
	refused("harbor = 256", "harbor", "256")
	refused('socket_threads = ""', "socket_threads", "")
	refused("socket_threads = 65", "socket_threads", "65")
end)

T.test("what a config computes is a number", function()
	taken("thread = 8 / 2\nsocket_threads = 4 // 2")
	taken('thread = "2"')
end)

T.run()
