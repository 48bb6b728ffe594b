-- Answers each line of a connection; after the line "hold" it holds its worker until the variable `key` is set. Helper of
-- busy_network_test.
local skynet = require "skynet"
local socket = require "skynet.socket"

local GIVE_UP = 60 -- s

local function hold(key)
	local deadline = os.time() + GIVE_UP
	while not skynet.getenv(key) do
		if os.time() > deadline then return "gave up" end
	end
	return "was told"
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, id, key)
		socket.start(id)
		skynet.retpack()
		local line = socket.readline(id)
		while line do
			socket.write(id, (line == "hold" and hold(key) or line) .. "\n")
			line = socket.readline(id)
		end
		socket.close(id)
		skynet.exit()
	end)
end)
