--- A server of requests over connections that come and go: clients log in elsewhere, shake hands here with the
--- secret they got, and may send a request again after a reconnect without it being served twice.
---
---     frame of the client     username:index:b64(hmac)   hmac = hmac_hash(secret, "username:index")
---     frame of the server     200 OK | 404 User Not Found | 403 Index Expired | 401 Unauthorized | 400 Bad Request
---     then, of the client     content, session (4 bytes, big-endian)
---     and of the server       content, 1 (served) or 0 (the handler raised), session
local skynet = require "skynet"
local driver = require "skynet.socketdriver"
local netpack = require "skynet.netpack"
local deadlines = require "skynet.deadlines"
local killed = require "skynet.killed"
local crypt = require "skynet.crypt"
local gateserver = require "snax.gateserver"

local EXPIRED_NUMBER = 128
local HANDSHAKE_TIME = 6000 -- cs
local MAX_FRAME = 65535
local MAX_INDEX = 2 ^ 53

local b64encode, b64decode = crypt.base64encode, crypt.base64decode

---@class snax.msgserver.user
---@field username string
---@field secret string
---@field index integer       of the last handshake
---@field id? integer         of its connection
---@field ip? string
---@field requests table<string, snax.msgserver.request>  by session, as its 4 bytes
---@field count integer       requests so far
---@field swept integer       count at the last sweep

---@class snax.msgserver.request
---@field index integer       of the connection that asked last
---@field count integer       user.count at that time
---@field reply? string       nil: it is being served
---@field repeated? boolean   asked for again on the same connection while it was being served

---@type table<string, snax.msgserver.user>
local users = {}
---@type table<integer, snax.msgserver.user>
local user_of = {}
local addresses = {} -- of connections without a handshake yet
local handshakes = deadlines(HANDSHAKE_TIME, gateserver.closeclient)

local msgserver = {}

-- For request handlers, which pass what clients ask on to agents: `skynet.rawcall(agent, "client", msg)`.
skynet.register_protocol {
	name = "client",
	id = skynet.PTYPE_CLIENT,
}

--- The name under which a user is known here and to its client.
---@param uid string|integer
---@param subid string|integer
---@param server string
---@return string
function msgserver.username(uid, subid, server)
	return string.format("%s@%s#%s", b64encode(tostring(uid)), b64encode(server), b64encode(tostring(subid)))
end

---@param username string
---@return string uid
---@return string subid
---@return string server
function msgserver.userid(username)
	local uid, server, subid = username:match "([^@]*)@([^#]*)#(.*)"
	return b64decode(uid), b64decode(subid), b64decode(server)
end

--- Makes a user known. Raises when it is.
---@param username string
---@param secret string
function msgserver.login(username, secret)
	if users[username] then error("msgserver.login: " .. username .. " is known already", 2) end
	users[username] = { username = username, secret = secret, index = 0, requests = {}, count = 0, swept = 0 }
end

--- Forgets a user and closes its connection.
---@param username string
function msgserver.logout(username)
	local user = users[username]
	if user == nil then return end
	users[username] = nil
	if user.id then gateserver.closeclient(user.id) end
end

---@param username string
---@return string? address  "ip:port"; nil: it is not connected
function msgserver.ip(username)
	local user = users[username]
	return user and user.id and user.ip
end

-- ---- handshake --------------------------------------------------------------------------------

-- → user and index, or nil and the answer
local function check_handshake(message)
	local username, index, hmac = message:match "^([^:]*):([^:]*):(.*)$"
	local user = users[username]
	if not user then return nil, "404 User Not Found" end
	local number = index:find "^%d+$" and tonumber(index)
	local ok, code = pcall(b64decode, hmac)
	if not number or number >= MAX_INDEX or not ok then return nil, "400 Bad Request" end
	if number <= user.index then return nil, "403 Index Expired" end
	if code ~= crypt.hmac_hash(user.secret, username .. ":" .. index) then return nil, "401 Unauthorized" end
	return user, number
end

local function take_handshake(id, message)
	local user, index = check_handshake(message)
	if not user then
		skynet.error(string.format("Invalid auth from %d (%s) : %s", id, addresses[id], index))
		driver.send(id, netpack.pack(index))
		gateserver.closeclient(id)
		return
	end
	local before = user.id
	user.index = index
	user.id, user.ip = id, addresses[id]
	user_of[id], addresses[id] = user, nil
	handshakes:remove(id)
	driver.send(id, netpack.pack "200 OK")
	-- a user has one connection: the newest
	if before then gateserver.closeclient(before) end
end

-- ---- requests ---------------------------------------------------------------------------------

-- Forgets replies that no client asks for any more.
local function sweep(user, keep)
	if user.count - user.swept < 2 * keep then return end
	user.swept = user.count
	for session, request in pairs(user.requests) do
		if request.reply and request.count <= user.count - keep then user.requests[session] = nil end
	end
end

local function invalid_package(user, id, size)
	skynet.error(string.format("Invalid package from %s : %d bytes", user.username, size))
	gateserver.closeclient(id)
end

-- Sends the reply to the connection that asked last, if it is still there.
local function send_reply(user, request)
	if not user.id or user.index ~= request.index then return end
	if #request.reply > MAX_FRAME then return invalid_package(user, user.id, #request.reply) end
	driver.send(user.id, netpack.pack(request.reply))
end

local function serve_request(conf, user, request, content, session)
	local function fail(reason)
		skynet.error(string.format("%s : %s", user.username, reason))
		request.reply = "\0" .. session
	end
	killed.hold(request, function()
		fail "the task of the request was killed"
		send_reply(user, request)
	end)
	local ok, result = pcall(conf.request_handler, user.username, content)
	killed.release(request)
	if ok and result ~= nil and type(result) ~= "string" then
		ok, result = false, "request_handler: the reply is no string but a " .. type(result)
	end
	if ok then
		request.reply = (result or "") .. "\1" .. session
	else
		fail(tostring(result))
	end
	send_reply(user, request)
	sweep(user, conf.expired_number or EXPIRED_NUMBER)
end

local function take_request(conf, user, id, message)
	if #message < 4 then return invalid_package(user, id, #message) end
	local content, session = message:sub(1, -5), message:sub(-4)
	local request = user.requests[session]
	user.count = user.count + 1
	if request and request.index == user.index then
		if request.reply then
			request = nil -- the number is used anew
		elseif request.repeated then
			skynet.error(string.format("Conflict session %s of %s", crypt.hexencode(session), user.username))
			return gateserver.closeclient(id)
		else
			request.repeated = true
			return
		end
	end
	if request then
		-- asked for over an earlier connection
		request.index, request.count, request.repeated = user.index, user.count, nil
		if request.reply then send_reply(user, request) end
		return
	end
	request = { index = user.index, count = user.count }
	user.requests[session] = request
	serve_request(conf, user, request, content, session)
end

-- ---- the service ------------------------------------------------------------------------------

---@class snax.msgserver.conf
---@field login_handler fun(uid: any, secret: string, ...): any  lua command `login`
---@field logout_handler fun(uid: any, subid: any): any          lua command `logout`
---@field kick_handler fun(uid: any, subid: any): any            lua command `kick`
---@field request_handler fun(username: string, content: string): string?
---@field register_handler? fun(servername: string): any  its results are the reply to `open`
---@field disconnect_handler? fun(username: string)
---@field expired_number? integer  default 128
---@field handshake_time? integer  cs that a client may take for its first frame, default 6000

--- Runs the service: a gateserver whose `open` needs conf.servername.
---@param conf snax.msgserver.conf
function msgserver.start(conf)
	local command = {
		login = assert(conf.login_handler),
		logout = assert(conf.logout_handler),
		kick = assert(conf.kick_handler),
	}
	assert(conf.request_handler)
	local handler = {}

	function handler.command(cmd, _, ...)
		local f = assert(command[cmd], "msgserver: unknown command")
		return f(...)
	end

	function handler.open(_, gate_conf)
		local name = assert(gate_conf.servername)
		if conf.register_handler then return conf.register_handler(name) end
	end

	function handler.connect(id, address)
		addresses[id] = address
		gateserver.openclient(id)
		handshakes:add(id, conf.handshake_time)
	end

	local function ended(id)
		addresses[id] = nil
		handshakes:remove(id)
		local user = user_of[id]
		user_of[id] = nil
		if not user or user.id ~= id then return end
		user.id = nil
		if conf.disconnect_handler then conf.disconnect_handler(user.username) end
	end

	function handler.disconnect(id)
		gateserver.closeclient(id)
		ended(id)
	end

	function handler.error(id)
		ended(id)
	end

	function handler.message(id, data, size)
		local message = netpack.tostring(data, size)
		if addresses[id] then
			take_handshake(id, message)
		elseif user_of[id] then
			take_request(conf, user_of[id], id, message)
		end
	end

	gateserver.start(handler)
end

return msgserver
