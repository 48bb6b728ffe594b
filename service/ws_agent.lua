-- The player's side of one WebSocket client: signs in and counts, over a role in MongoDB.
--
-- Lua commands:
--   start(conf)   serve a client: gate (a slave of ws_gate), client (its fd), watchdog
--   disconnect    the client has gone: save and exit; not answered
--   release(acc)  the account logs in at another agent: save its role and let go of it
-- A client sends {"name": NAME, "data": {...}} and gets one such object back for each. What is no request of ours comes
-- back as it is.
--
-- Config: `db_conf_game`, the database, as { host = ..., port = ... }. `db_optional = true` lets the agent start
-- without it: requests that need it are answered with an error until it can be reached. By default no agent starts.
local skynet = require "skynet"
local cjson = require "cjson"
local config = require "config"
local dirtydb = require "dirtydb"
local log = require "log"
local printable = require "printable"
local queue = require "skynet.queue"
local role_db = require "role.role_db"
local role_mgr = require "role.role_mgr"

local SAVE_PERIOD = 300 -- 1/100 s

local gate, client -- the slave that speaks with the client, and the client's fd there
local owner -- the service role_owner, once somebody has logged in
local account -- what this agent may load, from role_owner
local uid -- of the role that is logged in
local in_turn = queue() -- a request waits until the one before it has been answered

skynet.register_protocol {
	name = "client",
	id = skynet.PTYPE_CLIENT,
	unpack = skynet.tostring,
}

local function sc_error(request_name, message)
	return { name = "sc_error", data = { req_name = request_name, msg = message } }
end

-- ---- requests: each takes `data` and gives the answer -----------------------------------------

local REQUEST = {}

local function take_account(acc)
	owner = owner or skynet.uniqueservice "role_owner"
	skynet.call(owner, "lua", "take", acc)
	account = acc
end

local function log_out()
	local old_account, old_uid = account, uid
	account, uid = nil, nil
	if old_uid then role_mgr.unload_role(old_uid) end
	if old_account then skynet.send(owner, "lua", "leave", old_account) end
end

function REQUEST.cs_login(data)
	assert(type(data.acc) == "string")
	local connected, message = pcall(role_db.init)
	if not connected then return sc_error("cs_login", "no database: " .. tostring(message)) end
	if account ~= data.acc then
		log_out()
		take_account(data.acc)
	end
	local role = role_mgr.find_create_role(data.acc)
	if not role then
		log_out()
		return sc_error("sc_login", "find_create_role failed")
	end
	if account ~= data.acc then -- released while it was loaded
		role_mgr.unload_role(role:get_role_id())
		return sc_error("cs_login", "the account has logged in elsewhere")
	end
	uid = role:get_role_id()
	return { name = "sc_login", data = { sign_cnt = role:get_sign_cnt() } }
end

function REQUEST.cs_sign()
	local role = uid and role_mgr.get_role(uid)
	if not role then return sc_error("cs_sign", "need login first") end
	role:sign()
	return { name = "sc_sign", data = { sign_cnt = role:get_sign_cnt() } }
end

function REQUEST.cs_logout()
	log_out()
	return cjson.null
end

-- The text to send back.
local function answer(text)
	local request = cjson.decode(text)
	if type(request) == "string" then return text end
	if type(request) ~= "table" then error("a request must be an object, this is " .. text) end
	local handle = REQUEST[request.name]
	if not handle then return text end
	local ok, result = pcall(handle, request.data)
	return cjson.encode(ok and result or sc_error(request.name, tostring(result)))
end

skynet.dispatch("client", function(_, source, text)
	skynet.ignoreret() -- the session is the client's fd, not that of a call
	skynet.error(source, printable(text))
	skynet.send(gate, "lua", "response", client, in_turn(answer, text))
end)

-- ---- commands ---------------------------------------------------------------------------------

local CMD = {}

function CMD.start(conf)
	gate, client = conf.gate, conf.client
	skynet.call(gate, "lua", "forward", client)
end

function CMD.disconnect()
	dirtydb.save_dirty()
	log_out()
	skynet.exit()
end

-- Not in turn with requests: one of them may wait for an agent that waits for this.
function CMD.release(acc)
	if account ~= acc then return end
	local old_uid = uid
	account, uid = nil, nil
	if old_uid then role_mgr.unload_role(old_uid) end
end

local function save_loop()
	while true do
		skynet.error "loop_timer..."
		local ok, message = pcall(dirtydb.save_dirty)
		if not ok then log.error("save_dirty failed:", message) end
		skynet.sleep(SAVE_PERIOD)
	end
end

skynet.start(function()
	local connected, message = pcall(role_db.init)
	if not connected then
		if not config.get "db_optional" then error(message, 0) end
		log.warn("no database:", message)
	end
	skynet.dispatch("lua", function(session, _, cmd, ...)
		local f = CMD[cmd]
		if not f then error("ws_agent: unknown command " .. tostring(cmd)) end
		local result = f(...)
		if session ~= 0 then skynet.ret(skynet.pack(result)) end
	end)
	skynet.fork(save_loop)
end)
