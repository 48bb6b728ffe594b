-- Listens, hears of no connection, and ends. Helper of owner_end_test.
local skynet = require "skynet"
local socket = require "skynet.socket"
local net = require "net"

local listener

local command = {}

function command.listen()
	local id, _, port = socket.listen(net.host, 0)
	listener = id
	socket.start(id, function() error "it was to end before" end)
	skynet.retpack(port)
end

-- Ends in the very message in which so many connections have come.
function command.block(connections)
	local function accepted()
		for _, s in ipairs(socket.netstat()) do
			if s.id == listener then return s.accept end
		end
	end
	while accepted() < connections do end
	skynet.exit()
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, ...) command[cmd](...) end)
end)
