local skynet = require "skynet"
local sharetable = require "skynet.sharetable"
local dice = require "dice"

local name, rounds, sides = ...

skynet.start(function()
	local room = skynet.queryservice "room"
	local names = sharetable.query "data/names.lua"
	local die = dice.new(name, math.tointeger(tonumber(sides)))
	assert(die:owner() == name)
	skynet.fork(function()
		for _ = 1, rounds // 1 do
			skynet.call(room, "lua", "rolled", names[name], dice.roll_two(die))
			skynet.sleep(1)
		end
		skynet.send(room, "lua", "done", die:state())
		skynet.exit()
	end)
end)
