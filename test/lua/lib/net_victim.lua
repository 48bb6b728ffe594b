-- A service that echoes, to be killed.
local skynet = require "skynet"
local net = require "net"
local socket = require "skynet.socket"

skynet.start(function()
	skynet.dispatch("lua", function()
		local _, port = net.serve(function(id)
			for bytes in function() return socket.read(id) or nil end do socket.write(id, bytes) end
		end)
		skynet.retpack(port)
	end)
end)
