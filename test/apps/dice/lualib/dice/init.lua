-- Dice of a player, seeded with the player's name. Written for Lua 5.4.
local core = require "dice.core"

local dice = {}

function dice.new(owner, sides)
	local seed <const> = string.unpack("<i8", owner .. ("\1"):rep(8))
	return core.new(seed, sides, owner)
end

function dice.roll_two(die)
	local first, second = die:roll(), die:roll()
	return first << 4 | second
end

function dice.faces(pair)
	return pair >> 4, pair & 0xf
end

return dice
