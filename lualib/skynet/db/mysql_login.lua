--- The login at a MySQL server: greeting, TLS, and the exchange of whichever authentication plugin the server
--- wants. Runs on the link of a socketchannel before any request.
local socket = require "skynet.socket"
local socketchannel = require "skynet.socketchannel"
local codec = require "skynet.db.mysql.codec"
local tls_link = require "skynet.db.tls_link"
local crypt = require "skynet.crypt"

-- What skynet announces, without LOCAL_FILES: a server must not ask for files of ours.
local CAPABILITIES = 260047 - 0x80
local TLS, PLUGIN_AUTH = 0x800, 0x80000

-- Answers of a server to the token of caching_sha2_password.
local ACCEPTED, WANTS_PASSWORD = "\1\3", "\1\4"
local ASK_FOR_KEY = "\2"

local OK, SWITCH = 0, 0xfe
local MAX_ROUNDS = 8 -- packets of a server until the login must be done

local login = {}

local function fail(link, text, ...)
	error(string.format("mysql %s:%s: " .. text, link.host, tostring(link.port), ...), 0)
end

-- ---- packets ----------------------------------------------------------------------------------

-- The next packet. What the server refuses raises.
local function receive(link)
	local payload, number = link.reader:packet()
	while not payload do
		link.reader:feed(link:read())
		payload, number = link.reader:packet()
	end
	link.number = number
	local failure = codec.failure(payload)
	if failure then
		fail(link, "the server refuses the login: errno:%d, msg:%s,sqlstate:%s", failure.errno, failure.err,
			tostring(failure.sqlstate))
	end
	return payload
end

-- Packets are numbered on through the login, whoever sends them.
local function send(link, payload)
	link.number = (link.number + 1) % 256
	local bytes = codec.packet(link.number, payload)
	local sent
	if link.write then sent = link:write(bytes) else sent = socket.write(link[1], bytes) end
	if not sent then error(socketchannel.error) end
end

-- ---- authentication ---------------------------------------------------------------------------

-- By the name of the plugin: the token that proves the password.
local tokens = {}

function tokens.mysql_native_password(password, scramble)
	local hash = crypt.sha1(password)
	return crypt.xor_str(hash, crypt.sha1(scramble .. crypt.sha1(hash)))
end

function tokens.caching_sha2_password(password, scramble)
	local hash = crypt.sha256(password)
	return crypt.xor_str(hash, crypt.sha256(crypt.sha256(hash) .. scramble))
end

local function token_of(plugin, password, scramble)
	if password == "" then return "" end
	return tokens[plugin](password, scramble)
end

-- The server has another plugin for this user. → its name, its scramble
local function follow_switch(link, conf, payload)
	if #payload == 1 then fail(link, "old pre-4.1 authentication protocol not supported") end
	local plugin, scramble = codec.auth_switch(payload)
	if not tokens[plugin] then
		fail(link, "the server wants the authentication plugin %q, which is not known here", tostring(plugin))
	end
	send(link, token_of(plugin, conf.password, scramble))
	return plugin, scramble
end

-- caching_sha2_password: the server has not seen this user lately, and wants the password itself. It goes through
-- TLS, or encrypted with the server's public key.
local function send_password(link, conf, scramble)
	local secret = conf.password .. "\0"
	if link.write then
		send(link, secret)
		return
	end
	local key = conf.server_public_key
	if not key then
		send(link, ASK_FOR_KEY)
		key = receive(link):match "^\1(.+)$" or fail(link, "the server sends no public key")
	end
	local ok, encrypted = pcall(crypt.rsa_oaep, key, crypt.xor_str(secret, scramble))
	if not ok then fail(link, "the password cannot be encrypted for the server: %s", encrypted) end
	send(link, encrypted)
end

local function authenticate(link, conf, plugin, scramble)
	for _ = 1, MAX_ROUNDS do
		local payload = receive(link)
		local first = payload:byte(1)
		if first == OK then return end
		if first == SWITCH then
			plugin, scramble = follow_switch(link, conf, payload)
		elseif payload == WANTS_PASSWORD and plugin == "caching_sha2_password" then
			send_password(link, conf, scramble)
		elseif payload ~= ACCEPTED then -- after that an OK follows
			fail(link, "the server answers the login by what is no answer")
		end
	end
	fail(link, "the login does not end")
end

-- ---- TLS --------------------------------------------------------------------------------------

-- Bytes that came before the handshake were sent by anybody: they must not count as the server's.
local function start_tls(link, settings)
	if link.reader:held() > 0 then fail(link, "the server sends more before TLS than its greeting") end
	local ok, err = pcall(tls_link.start, link, settings)
	if ok then return end
	if err == socketchannel.error then error(err) end
	fail(link, "TLS: %s", tostring(err))
end

-- ---- the whole --------------------------------------------------------------------------------

--- Logs in. Raises socketchannel.error when the connection ends, and a text that names server and cause when the
--- server refuses or is no MySQL.
---@async
---@param link skynet.socketchannel.link  whose replies are read by a codec.reader() from then on
---@param conf skynet.db.mysql.login
---@return string version  of the server
function login.run(link, conf)
	link.reader = codec.reader()
	local greeting = codec.greeting(receive(link)) or fail(link, "the greeting is not that of a MySQL server")
	local capabilities = CAPABILITIES + (greeting.plugin_auth and PLUGIN_AUTH or 0)
	if conf.tls then
		if not greeting.tls then fail(link, "the server offers no TLS") end
		capabilities = capabilities + TLS
		send(link, codec.login(capabilities, conf.max_packet_size, conf.collation))
		start_tls(link, conf.tls)
	end
	local plugin = tokens[greeting.plugin] and greeting.plugin or "mysql_native_password"
	local token = token_of(plugin, conf.password, greeting.scramble)
	send(link, codec.login(capabilities, conf.max_packet_size, conf.collation, conf.user, token, conf.database, plugin))
	authenticate(link, conf, plugin, greeting.scramble)
	link:parse_by(link.reader)
	return greeting.version
end

---@class skynet.db.mysql.login
---@field user string
---@field password string
---@field database string
---@field collation integer
---@field max_packet_size integer
---@field server_public_key? string  PEM; else the server is asked for it
---@field tls? skynet.db.tls_link.settings

return login
