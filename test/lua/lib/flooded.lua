-- Counts messages. Helper of flood_test.
local skynet = require "skynet"

local count = 0
local feeding = false

local command = {}

function command.count() count = count + 1 end

-- Sends itself what it handles, so that it never runs dry.
function command.feed()
	count = count + 1
	if feeding then skynet.send(skynet.self(), "lua", "feed") end
end

function command.feed_on() feeding = true end
function command.feed_off() feeding = false end

skynet.start(function()
	skynet.dispatch("lua", function(session, _, name)
		if session ~= 0 then return skynet.retpack(count) end
		command[name]()
	end)
end)
