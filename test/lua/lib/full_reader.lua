-- Reads when there is no memory for what it reads, and again when there is. Helper of socket_wait_test.
--
--   full_reader PORT SIZE   who listens at PORT sends SIZE bytes
local skynet = require "skynet"
local socket = require "skynet.socket"

local port, size = ...
port, size = tonumber(port), tonumber(size)
skynet.memlimit(8 * 1024 * 1024)

local function fill()
	local kept = {}
	for i = 1, 55 do kept[i] = ("k"):rep(100000) .. i end
	return kept
end

-- Waits until all is held, though nobody reads.
local function gather(id)
	while socket.held(id) < size do
		skynet.sleep(1)
		socket.resume(id)
	end
end

-- `waits`: the read begins before the bytes are there. → whether it got them, its error, how many were held then, how
-- many the next one got
local function read(waits)
	local id = assert(socket.open("127.0.0.1", port))
	local kept = fill()
	if not waits then gather(id) end
	local ok, bytes = pcall(socket.read, id, size)
	local err = not ok and tostring(bytes)
	local held = socket.held(id)
	kept, bytes = nil, nil
	collectgarbage()
	local count = #socket.read(id, size)
	socket.close(id)
	return ok, err, held, count, kept
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, _, waits)
		skynet.retpack(read(waits))
	end)
end)
