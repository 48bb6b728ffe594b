-- One of the many services of many_services.lua.
local skynet = require "skynet"

local follower

local command = {}

function command.follow(handle) follower = handle end

-- A token that has `hops` to go; who has it at the end tells `home`.
function command.token(hops, home)
	if hops == 0 then
		skynet.send(home, "lua", "arrived")
	else
		skynet.send(follower, "lua", "token", hops - 1, home)
	end
end

-- Long enough a loop for LuaJIT to compile it.
local function work(n)
	local sum = 0
	for i = 1, n do sum = sum + i % 7 end
	return sum
end

function command.quit() skynet.exit() end

skynet.start(function()
	skynet.dispatch("lua", function(session, _, name, ...)
		if session ~= 0 then return skynet.retpack(work(name)) end
		command[name](...)
	end)
end)
