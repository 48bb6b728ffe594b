--- Roles in MongoDB: database "game", collection "role". Where it is: the config keys `mongo` or `db_conf_game`, or the
--- node's own document store.
local config = require "config"
local int64 = require "int64"
local log = require "log"
local snowflake = require "snowflake"
local time = require "util.time"

local role_db = {}

local DATABASE, COLLECTION = "game", "role"
local HIDE_ID = { _id = false }

local roles -- the collection, from init() on

--- Connects, and makes sure of the unique indexes. Raises when there is no database; may be called again then.
---@async
function role_db.init()
	if roles then return end
	-- Loaded here: a node that has no database needs no driver.
	local mongo = require "skynet.db.mongo"
	local given = config.get_tbl "db_conf_game"
	if given ~= nil and type(given) ~= "table" then error "db_conf_game is no table" end
	local conf = config.get_mongo(given)
	if not conf then error "the config has no db_conf_game" end
	local client = mongo.client(conf)
	local collection = client:getDB(DATABASE):getCollection(COLLECTION)
	collection:createIndex { { acc = 1 }, unique = true }
	collection:createIndex { { uid = 1 }, unique = true }
	roles = collection
	log.info("connect to db:", DATABASE, ", coll:", COLLECTION)
end

--- What the database has of an account. An account that it does not know gets a role.
---@async
---@param acc string
---@return table|false data  false: it could not be created
---@return string? err  with false: what the database said
---@return table? reply
function role_db.load_role(acc)
	local data = roles:findOne({ acc = acc }, HIDE_ID)
	if data then return data end
	data = { acc = acc, uid = snowflake.snowflake(), timestamp = time.now() }
	local ok, err, reply = roles:safe_insert(data)
	if not ok then
		log.error("_create_role failed. acc:", acc, ", err:", err)
		return false, err, reply
	end
	log.info("_create_role ok. acc:", acc, ", uid:", int64.tostring(data.uid))
	return data
end

---@async
---@param uid integer
---@return table? data
function role_db.load_role_by_uid(uid)
	return roles:findOne({ uid = uid }, HIDE_ID)
end

--- Writes changes.
---@async
---@param query table
---@param update table  as dirtydoc.commit_mongo gives it
---@return boolean ok
function role_db.save_update(query, update)
	local reply = roles:findAndModify { query = query, update = update }
	if reply.ok == 1 then return true end
	log.error("save_update failed. err:", reply.errmsg)
	return false
end

--- What saves the changes of one role.
---@param uid integer
---@return fun(update: table): boolean
function role_db.get_save_cb(uid)
	return function(update)
		return role_db.save_update({ uid = uid }, update)
	end
end

return role_db
