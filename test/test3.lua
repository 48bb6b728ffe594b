-- Users with a place on the map, over module `db`. Needs a MongoDB. Started by etc/config.test3.
local skynet = require "skynet"
local db = require "db"
local int64 = require "int64"
local log = require "log"
local tables = require "util.table"

local LNG, LAT = -73.99279, 40.719296

skynet.start(function()
	db.init_db()
	for i = 1, 3 do
		local uid, user = db.call_load_user { acc = "test" .. i }
		log.info("user:", int64.tostring(uid), tables.tostring(user))
		log.info("set_location:", db.set_location(uid, LNG + i / 1000, LAT))
	end
	for _, near in ipairs(db.get_near_player(LNG, LAT)) do
		log.info("near:", int64.tostring(near.uid))
	end
	skynet.exit()
end)
