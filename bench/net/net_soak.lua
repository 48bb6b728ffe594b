--- net_soak KIND PORT: servers for the soak, with bounded memory whatever their peers do.
---   relay    sends back what it reads, but takes no more while the peer does not read
---   sink     reads 64 KiB, then rests for a moment, and so on; tells the number of bytes when the stream ends
---   collect  has all services collect their garbage, and closes
local skynet = require "skynet"
local socket = require "skynet.socket"

local kind, port = ...

local servers = {}

function servers.relay(id)
	socket.start(id)
	local full = false
	local token = {}
	-- Told at 1, 2, 4 ... MiB, and with 0 when all is sent.
	socket.warning(id, function(_, kbytes)
		full = kbytes > 0
		if not full then skynet.wakeup(token) end
	end)
	while true do
		local bytes = socket.read(id)
		if not bytes then break end
		if not socket.write(id, bytes) then break end
		if full then skynet.sleep(6000, token) end -- a peer that takes nothing for a minute is given up
		if full then break end
	end
	socket.close(id)
end

function servers.sink(id)
	socket.start(id)
	local count = 0
	while true do
		local bytes, rest = socket.read(id, 65536)
		count = count + #(bytes or rest)
		if not bytes then break end
		if count % (16 * 65536) == 0 then skynet.sleep(1) end
	end
	socket.write(id, ("%d\n"):format(count))
	socket.close(id)
end

function servers.collect(id)
	socket.start(id)
	skynet.call(".launcher", "lua", "GC")
	socket.close(id)
end

skynet.start(function()
	socket.start(socket.listen("127.0.0.1", tonumber(port), 1024), servers[kind])
end)
