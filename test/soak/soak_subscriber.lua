-- Hears what the other nodes publish, each number once and in order: soak_subscriber NODE.
local skynet = require "skynet"
local multicast = require "skynet.multicast"

local node = tonumber((...))
local heard = {}
local channels = {}
local command = {}

function command.subscribe(from, number)
	heard[from] = 0
	channels[from] = multicast.new {
		channel = number,
		dispatch = function(_, _, message, body)
			if message ~= heard[from] + 1 or #body ~= message % 500 then
				skynet.send(node, "lua", "fail", ("multicast of node %d: %s came after %d"):format(from, tostring(message), heard[from]))
			end
			heard[from] = message
		end,
	}
	channels[from]:subscribe()
end

function command.heard(from) return heard[from] end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...) skynet.retpack(command[name](...)) end)
end)
