--- A login server: clients prove that they hold a token, over an insecure stream, and get an answer line.
---
--- One service is the master: it listens, and asks the login_handler. It launches copies of its own script as
--- slaves, which do the handshakes:
---
---     server -> client   b64(challenge)                           8 random bytes
---     client -> server   b64(dhexchange(client key))              8 bytes
---     server -> client   b64(dhexchange(server key))
---                        secret = dhsecret(the other's public, own key) on both sides
---     client -> server   b64(hmac64(challenge, secret))
---     client -> server   b64(desencode(secret, token))
---     server -> client   200 b64(subid) | 401 Unauthorized | 403 Forbidden | 406 Not Acceptable
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local engine = require "skynet.engine"
local crypt = require "skynet.crypt"
local deadlines = require "skynet.deadlines"
local killed = require "skynet.killed"

local MAX_UNREAD = 8192
local HANDSHAKE_TIME = 6000 -- cs

-- Raised when the client has gone or was cut off: nobody is left to answer.
local gone = setmetatable({}, { __tostring = function() return "the client has gone" end })

-- ---- the slave: handshakes --------------------------------------------------------------------

local handshakes = deadlines(HANDSHAKE_TIME, socket.shutdown)

local function read_base64(id)
	local line = socket.readline(id)
	if not line then error(gone) end
	return crypt.base64decode(line)
end

local function write_line(id, line)
	if not socket.write(id, line .. "\n") then error(gone) end
end

-- → the token that the client sent, and the secret. Raises when it cannot prove what it should.
local function shake_hands(id)
	local challenge = crypt.randomkey()
	write_line(id, crypt.base64encode(challenge))
	local client_public = read_base64(id)
	if #client_public ~= 8 then error "Invalid client key" end
	local key = crypt.randomkey()
	write_line(id, crypt.base64encode(crypt.dhexchange(key)))
	local secret = crypt.dhsecret(client_public, key)
	if read_base64(id) ~= crypt.hmac64(challenge, secret) then error "challenge failed" end
	return crypt.desdecode(secret, read_base64(id)), secret
end

-- → state, server, uid, secret. state: "ok"; "refused": answer 401, server is why; "gone"
local function authenticate(conf, id, address)
	skynet.error(string.format("connect from %s (fd = %d)", address, id))
	local started, reason = socket.start(id)
	if not started then return "gone", reason end
	socket.limit(id, MAX_UNREAD)
	handshakes:add(id, conf.handshake_time)
	local ok, token, secret = pcall(shake_hands, id)
	handshakes:remove(id)
	local server, uid
	if ok then ok, server, uid = pcall(conf.auth_handler, token) end
	-- the master answers and closes
	socket.abandon(id)
	if ok then return "ok", server, uid, secret end
	local why = server or token
	if why == gone then return "gone", tostring(why) end
	return "refused", tostring(why)
end

local function start_slave(conf)
	skynet.dispatch("lua", function(_, _, id, address)
		skynet.ret(skynet.pack(authenticate(conf, id, address)))
	end)
end

-- ---- the master -------------------------------------------------------------------------------

local logging_in = {} -- uids inside login_handler

-- → the answer line, and why when it is not 200
local function log_in(conf, server, uid, secret)
	if not conf.multilogin then
		if logging_in[uid] then
			return "406 Not Acceptable", string.format("User %s is already login", tostring(uid))
		end
		logging_in[uid] = true
	end
	local held = {}
	killed.hold(held, function() logging_in[uid] = nil end)
	local ok, subid = pcall(conf.login_handler, server, uid, secret)
	killed.release(held)
	logging_in[uid] = nil
	if not ok then return "403 Forbidden", subid end
	return "200 " .. crypt.base64encode(tostring(subid or ""))
end

local function serve_client(conf, slave, id, address)
	local state, server, uid, secret = skynet.call(slave, "lua", id, address)
	if state == "gone" then error(server, 0) end
	local line, why = "401 Unauthorized", server
	if state == "ok" then line, why = log_in(conf, server, uid, secret) end
	socket.write(id, line .. "\n")
	if why then error(why, 0) end
end

local function start_master(conf)
	local host, port, instance = conf.host or "0.0.0.0", conf.port, conf.instance or 8
	instance = assert(tonumber(instance), "the number of instances is none") -- the config has texts
	assert(instance > 0)
	skynet.dispatch("lua", function(session, _, ...)
		if session == 0 then
			conf.command_handler(...)
		else
			skynet.ret(skynet.pack(conf.command_handler(...)))
		end
	end)
	local slaves, turn = {}, 0
	-- A slave lets go of a client before it answers: a master that has gone must not leave it behind.
	local clients = {}
	local guard = engine.finalizer(function()
		for client in pairs(clients) do driver.close(client) end
	end)
	for i = 1, instance do slaves[i] = skynet.newservice(SERVICE_NAME) end
	local id, bound_host, bound_port = socket.listen(host, port)
	skynet.error(string.format("login server listen at : %s %s", bound_host, bound_port))
	socket.start(id, function(client, address)
		turn = turn % instance + 1
		clients[client] = guard
		local held = {}
		local function finish()
			killed.release(held)
			socket.close_fd(client)
			clients[client] = nil
		end
		killed.hold(held, finish)
		local ok, err = pcall(serve_client, conf, slaves[turn], client, address)
		if not ok then
			skynet.error(string.format("invalid client (fd = %d, %s) error = %s", client, address, tostring(err)))
		end
		finish()
	end)
end

---@class snax.loginserver.conf
---@field host? string        default "0.0.0.0"
---@field port integer
---@field name? string        default "login"; the master is registered as "." and it
---@field instance? integer   number of slaves, default 8
---@field multilogin? boolean one uid may be in login_handler several times
---@field auth_handler fun(token: string): string, string  → server, uid; runs in a slave; raising means 401
---@field login_handler fun(server: string, uid: string, secret: string): string  → subid; raising means 403
---@field handshake_time? integer  cs that a client may take, default 6000
---@field command_handler fun(cmd: string, ...): any  lua messages to the master

--- The whole script of a login server.
---@param conf snax.loginserver.conf
return function(conf)
	local name = "." .. (conf.name or "login")
	skynet.start(function()
		if skynet.localname(name) then
			start_slave(conf)
		else
			skynet.register(name)
			start_master(conf)
		end
	end)
end
