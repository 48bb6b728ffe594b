-- A service that uses the driver alone, as gates in C and Lua do: nothing of skynet.socket closes what it holds.
local skynet = require "skynet"
local driver = require "skynet.socketdriver"

local CONNECT, ACCEPT = 2, 4
local listener, port, waiting
local accepted = 0

skynet.register_protocol {
	name = "socket",
	id = skynet.PTYPE_SOCKET,
	unpack = driver.unpack,
	dispatch = function(_, _, event, id, ud)
		if event == CONNECT and id == listener and not port then
			port = ud
			driver.start(id)
			skynet.wakeup(waiting)
		elseif event == ACCEPT then
			-- one is started, the next one is not
			accepted = accepted + 1
			if accepted == 1 then driver.start(ud) end
		end
	end,
}

local CMD = {}

function CMD.listen()
	waiting = coroutine.running()
	listener = driver.listen("127.0.0.1", 0)
	driver.udp("127.0.0.1", 0)
	while not port do skynet.wait(waiting) end
	driver.connect("127.0.0.1", port)
	accepted = accepted - 1
	return port
end

function CMD.accepted() return accepted end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd) skynet.retpack(CMD[cmd]()) end)
end)
