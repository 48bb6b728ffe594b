local skynet = require "skynet"

local CMD = {}
local sold = 0

function CMD.buy(count)
	sold = sold + count
	return sold * 10
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, command, ...)
		skynet.ret(skynet.pack(CMD[command](...)))
	end)
end)
