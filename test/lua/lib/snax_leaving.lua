-- Its exit takes a while.
local skynet = require "skynet"

local leaves ---@type thread?

function response.kill_exit() return skynet.killthread(leaves) ~= nil end

function exit(witness)
	leaves = coroutine.running()
	skynet.send(witness, "lua", "exit")
	skynet.sleep(10)
end
