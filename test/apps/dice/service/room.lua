local skynet = require "skynet"
local queue = require "skynet.queue"
local dice = require "dice"

local lock = queue()
local board, by_name = {}, {}
local done, waiting = 0, nil
local NORET = {}

local function guard(list)
	return setmetatable({}, { __close = function() table.sort(list, function(a, b) return a.name < b.name end) end })
end

local CMD = {}

function CMD.rolled(name, pair)
	return lock(function()
		local sorted <close> = guard(board)
		local line = by_name[name]
		if not line then
			line = { name = name, points = 0, rounds = 0 }
			by_name[name] = line
			board[#board + 1] = line
		end
		local first, second = dice.faces(pair)
		line.points = line.points + first + second
		line.rounds = line.rounds + 1
		skynet.send(".tally", "text", "add " .. first + second)
		skynet.yield()
		return line.points
	end)
end

function CMD.board()
	return board
end

-- A state is an integer of 64 bits: it has to come through whole.
function CMD.done(state)
	assert(math.type(state) == "integer")
	done = done + 1
	if waiting and done >= waiting.count then
		waiting.response(true)
		waiting = nil
	end
	return NORET
end

function CMD.wait(count)
	if done < count then
		waiting = { count = count, response = skynet.response() }
		return NORET
	end
end

skynet.start(function()
	skynet.register_protocol { name = "text", id = skynet.PTYPE_TEXT, pack = function(s) return s end, unpack = skynet.tostring }
	skynet.dispatch("lua", function(session, _, cmd, ...)
		local f = assert(CMD[cmd], cmd)
		local result = f(...)
		if result ~= NORET and session ~= 0 then
			skynet.retpack(result)
		end
	end)
end)
