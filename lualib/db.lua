--- Users with a place on the map, in collection "user" of the MongoDB database `db_name`.
local mongo = require "skynet.db.mongo"
local config = require "config"
local log = require "log"
local snowflake = require "snowflake"

local db = {}

local database, users

-- bson takes a table for an array when its metatable says how long it is.
local ARRAY = { __len = rawget(_G, "rawlen") or function(t) return #t end }

local function array(...)
	return setmetatable({ ... }, ARRAY)
end

--- Connects to the database that the config names, and makes sure of the indexes.
---@async
function db.init_db()
	database = mongo.client(config.get_mongo(config.get "db_ip" and config.get_db_conf())):getDB(config.get "db_name")
	users = database:getCollection "user"
	users:createIndex { { uid = 1 }, unique = true }
	users:createIndex { { acc = 1 }, unique = true }
	users:createIndex { { location = "2d" } }
end

--- Inserts without waiting for an answer.
---@param doc table  gets an `_id` if it has none
function db.test_insert(doc)
	users:insert(doc)
end

--- The user that a query finds; one with a new uid and the fields of the query when there is none.
---@async
---@param query table
---@return integer uid  0: it could not be created
---@return table|string data  with 0: a message
function db.call_load_user(query)
	local user = users:findOne(query, { _id = false })
	if user then return user.uid, user end
	user = { uid = snowflake.snowflake() }
	for k, v in pairs(query) do
		user[k] = v
	end
	local ok, err = users:safe_insert(user)
	if not ok then
		log.error("new user error:", err)
		return 0, "new user error: " .. tostring(err)
	end
	return user.uid, user
end

---@async
---@param uid integer
---@param lng number  longitude in degrees
---@param lat number  latitude in degrees
---@return boolean ok
function db.set_location(uid, lng, lat)
	local reply = users:findAndModify { query = { uid = uid }, update = { ["$set"] = { location = array(lng, lat) } } }
	return reply.ok == 1
end

--- The users closest to a place, within 2000 units.
---@async
---@param lng number
---@param lat number
---@param limit? integer  at most so many, 10 by default
---@return { uid: integer }[]
function db.get_near_player(lng, lat, limit)
	local pipeline = array(
		{ ["$geoNear"] = { near = array(lng, lat), distanceField = "distance", maxDistance = 2000 } },
		{ ["$project"] = { uid = 1, _id = 0 } },
		{ ["$limit"] = limit or 10 }
	)
	local reply = database:runCommand("aggregate", "user", "pipeline", pipeline, "cursor", {})
	if reply.ok ~= 1 then
		log.error("get_near_player failed. err:", reply.errmsg)
		return {}
	end
	return reply.cursor.firstBatch
end

return db
