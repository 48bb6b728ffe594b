local skynet = require "skynet"
require "skynet.manager"
local sharetable = require "skynet.sharetable"
local log = require "log"
local settings = require "settings"

local function finish(tally)
	local room = skynet.queryservice "room"
	local board = skynet.call(room, "lua", "board")
	local sum = 0
	for _, line in ipairs(board) do
		log.line("%s has %d points in %d rounds", line.name, line.points, line.rounds)
		sum = sum + line.points
	end
	local counted = math.tointeger(tonumber(skynet.tostring(skynet.rawcall(tally, "text", "sum"))))
	skynet.error(settings.title .. ": sum", sum, counted == sum and "agrees" or "differs: " .. counted)
end

skynet.start(function()
	skynet.register_protocol { name = "text", id = skynet.PTYPE_TEXT, pack = function(s) return s end, unpack = skynet.tostring }
	sharetable.loadfile "data/names.lua"
	local tally = skynet.launch("tally", "0")
	local room = skynet.uniqueservice "room"
	for name in skynet.getenv "players":gmatch "[^;]+" do
		skynet.newservice("player", name, skynet.getenv "rounds", skynet.getenv "sides")
	end
	skynet.call(room, "lua", "wait", 3)
	finish(tally)
	skynet.abort()
end)
