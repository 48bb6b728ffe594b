-- Asks for a unique service that nobody starts, and then holds its worker until `spinning_may_end` is set.
local skynet = require "skynet"

local GIVE_UP = 30 -- s

skynet.start(function()
	skynet.dispatch("lua", function()
		skynet.fork(pcall, skynet.queryservice, "asked by busy")
		skynet.timeout(1, function()
			local deadline = os.time() + GIVE_UP
			while not skynet.getenv "spinning_may_end" and os.time() < deadline do end
		end)
	end)
end)
