--- The roles that this service holds, by uid.
local dirtydb = require "dirtydb"
local int64 = require "int64"
local role_cls = require "role.role_cls"
local role_db = require "role.role_db"

local role_mgr = {}

local roles = {} -- int64.key(uid) -> role

--- The role of an account, from here or from the database; a new one when the account is unknown.
---@async
---@param acc string
---@return role|false role  false: it could not be created
---@return string? err  with false: what the database said
function role_mgr.find_create_role(acc)
	local data, err = role_db.load_role(acc)
	if not data then return false, err end
	local key = int64.key(data.uid)
	-- One that is here already may be newer than what the database has.
	roles[key] = roles[key] or role_cls.new(data.uid, data)
	return roles[key]
end

---@param uid integer
---@return role?
function role_mgr.get_role(uid)
	return roles[int64.key(uid)]
end

--- Saves a role and lets go of it. Unknown uids are ignored.
---@async
---@param uid integer
function role_mgr.unload_role(uid)
	local key = int64.key(uid)
	local role = roles[key]
	if not role then return end
	roles[key] = nil
	dirtydb.remove(role:get_dirty_data())
end

return role_mgr
