-- Holds its worker until the variable `key` is set. Helper of busy_test.
local skynet = require "skynet"

local GIVE_UP = 60 -- s

skynet.start(function()
	skynet.dispatch("lua", function(_, _, key, friends)
		-- The last one is to run next on this worker, the others stand in its queue.
		for _, friend in ipairs(friends) do skynet.send(friend, "lua", "tell") end
		local deadline = os.time() + GIVE_UP
		while not skynet.getenv(key) do
			if os.time() > deadline then return skynet.retpack "gave up" end
		end
		skynet.retpack "was told"
	end)
end)
