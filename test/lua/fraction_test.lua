-- Numbers with a fraction where a whole one is wanted: an error on both engines, never a number cut off.
local skynet = require "skynet"
local c = require "skynet.core"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local net = require "net"
local T = require "harness"

local got = 0
skynet.register_protocol { name = "none", id = 99, pack = skynet.pack, unpack = skynet.unpack, dispatch = function() got = got + 1 end }

T.test("an address", function()
	local self = skynet.self()
	for _, address in ipairs { self + 0.5, 0.5, -0.5, 0 / 0, 1 / 0, self + 1e-7 } do
		T.raises("Invalid service address", skynet.send, address, "none")
		T.raises("Invalid service address", skynet.call, address, "none")
		T.raises("Invalid service address", skynet.rawcall, address, "none", "")
		T.raises("Invalid service address", c.send, address, 99, 0, "")
		T.raises("Invalid service address", c.redirect, address, self, 99, 0, "")
		skynet.term(address)
	end
	T.raises("Invalid service address 0", skynet.send, 0, "none")
	skynet.send(tostring(self + 0.5), "none") -- a name that nobody has
	T.eq(skynet.send(self + 0.0, "none"), 0)
	skynet.yield()
	T.eq(got, 1)
end)

T.test("a socket's id, a size, a session", function()
	local a, b = net.pair()
	for _, f in ipairs { driver.close, driver.pause, driver.nodelay, driver.unsent } do
		T.raises("number has no integer representation", f, a + 0.5)
	end
	T.raises("number has no integer representation", socket.write, a + 0.5, "x")
	T.raises("number has no integer representation", socket.sendlimit, a, 10.5)
	T.raises("number has no integer representation", socket.sendlimit, a, 2 ^ 63)
	T.raises("number has no integer representation", c.send, skynet.self(), 99, 1.5, "")
	socket.write(a + 0.0, "x")
	T.eq(socket.read(b), "x")
	socket.close(a)
	socket.close(b)
end)

T.run()
