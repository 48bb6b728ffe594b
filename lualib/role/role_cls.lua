--- A player's role in memory, over a document that knows what has changed.
local dirtydb = require "dirtydb"
local int64 = require "int64"
local log = require "log"
local role_db = require "role.role_db"

---@class role
---@field private uid integer
---@field private data table
local role = {}
role.__index = role

--- A role with the fields that the database has of it. Its changes go there with `dirtydb.save_dirty`.
---@param uid integer
---@param db_data table
---@return role
function role.new(uid, db_data)
	local data = dirtydb.new("role", db_data, role_db.get_save_cb(uid))
	return setmetatable({ uid = uid, data = data }, role)
end

---@return integer uid
function role:get_role_id()
	return self.uid
end

--- How often the player has signed in.
---@return integer
function role:get_sign_cnt()
	return self.data.sign_cnt or 0
end

--- Signs in once more.
function role:sign()
	self.data.sign_cnt = self:get_sign_cnt() + 1
	log.info("sign ok. uid:", int64.tostring(self.uid), ", sign_cnt:", self.data.sign_cnt)
end

--- The document (see dirtydoc).
---@return table
function role:get_dirty_data()
	return self.data
end

return role
