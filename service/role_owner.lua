-- Which agent has the role of which account in memory: never two, because the last one to save would undo what the
-- other one saved. A unique service. Lua commands:
--   take(acc)   the sender gets the account; another agent that has it must save it and let go of it first
--   leave(acc)  the sender has let go of it; not answered
local skynet = require "skynet"
local queue = require "skynet.queue"

local owners = {} -- account -> agent
local turns = {} -- account -> { run = queue, count = how many use it }, while somebody takes it

local function in_turn(acc, f)
	local turn = turns[acc] or { run = queue(), count = 0 }
	turns[acc] = turn
	turn.count = turn.count + 1
	local ok, message = pcall(turn.run, f)
	turn.count = turn.count - 1
	if turn.count == 0 then turns[acc] = nil end
	if not ok then error(message, 0) end
end

local CMD = {}

function CMD.take(source, acc)
	in_turn(acc, function()
		local owner = owners[acc]
		if owner and owner ~= source then
			pcall(skynet.call, owner, "lua", "release", acc) -- one that has ended holds nothing
		end
		owners[acc] = source
	end)
end

function CMD.leave(source, acc)
	if owners[acc] == source then owners[acc] = nil end
end

skynet.start(function()
	skynet.dispatch("lua", function(session, source, cmd, acc)
		local f = CMD[cmd]
		if not f then error("role_owner: unknown command " .. tostring(cmd)) end
		f(source, acc)
		if session ~= 0 then skynet.ret() end
	end)
end)
