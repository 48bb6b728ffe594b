--- The cluster's packets for tests that speak the protocol themselves.
local socket = require "skynet.socket"
local cluster = require "skynet.cluster"
local net = require "net"

local wire = {}

--- A number of four bytes, the low one first.
function wire.le(n)
	local bytes = {}
	for i = 1, 4 do
		bytes[i] = string.char(n % 256)
		n = math.floor(n / 256)
	end
	return table.concat(bytes)
end

function wire.packet(body)
	return string.char(math.floor(#body / 256), #body % 256) .. body
end

--- The body of the next packet; nil when the connection has ended.
---@async
function wire.read_packet(id)
	local head = socket.read(id, 2)
	return head and socket.read(id, head:byte(1) * 256 + head:byte(2)) or nil
end

--- A node that is a function: answer(id, request body) for each packet that comes. → a function that ends it, its address
---@async
function wire.scripted(name, answer)
	local listener, node_port = net.serve(function(id)
		while true do
			local body = wire.read_packet(id)
			if not body or answer(id, body) == false then return end
		end
	end)
	cluster.reload { [name] = "127.0.0.1:" .. node_port }
	return function() socket.close(listener) end, "127.0.0.1:" .. node_port
end

--- What is in a file; "" when there is none.
function wire.contents(name)
	local file = io.open(name)
	if not file then return "" end
	local text = file:read "*a"
	file:close()
	return text
end

return wire
