--- Log-ins of skynet.db.mongo: SCRAM-SHA-1, and the older MONGODB-CR.
local crypt = require "skynet.crypt"
local md5 = require "md5"

local auth = {}

local NONCE_BYTES = 9 -- 12 characters in base64

local function refused(reply)
	return reply.errmsg or "refused without a text"
end

local function password_digest(user, password)
	return md5.sumhexa(user .. ":mongo:" .. password)
end

local function salted_password(secret, salt, rounds)
	local block = crypt.hmac_sha1(secret, salt .. "\0\0\0\1")
	local salted = block
	for _ = 2, rounds do
		block = crypt.hmac_sha1(secret, block)
		salted = crypt.xor_str(salted, block)
	end
	return salted
end

local methods = {}

function methods.mongodb_cr(db, user, password)
	local reply = db:runCommand "getnonce"
	if reply.ok ~= 1 then return refused(reply) end
	local key = md5.sumhexa(reply.nonce .. user .. password_digest(user, password))
	reply = db:runCommand("authenticate", 1, "user", user, "nonce", reply.nonce, "key", key)
	if reply.ok ~= 1 then return refused(reply) end
end

-- → nil, or what went wrong
function methods.scram_sha1(db, user, password)
	local nonce = crypt.base64encode((crypt.randomkey() .. crypt.randomkey()):sub(1, NONCE_BYTES))
	local name = user:gsub("=", "=3D"):gsub(",", "=2C")
	local first_bare = "n=" .. name .. ",r=" .. nonce
	local reply = db:runCommand("saslStart", 1, "autoAuthorize", 1, "mechanism", "SCRAM-SHA-1", "payload",
		crypt.base64encode("n,," .. first_bare))
	if reply.ok ~= 1 then return refused(reply) end
	local id = reply.conversationId
	local server_first = crypt.base64decode(reply.payload)
	local server_nonce, salt, rounds = server_first:match "^r=([^,]*),s=([^,]*),i=(%d+)"
	if not server_nonce then return "a malformed challenge" end
	if server_nonce:sub(1, #nonce) ~= nonce then return "the server invented a nonce" end

	local salted = salted_password(password_digest(user, password), crypt.base64decode(salt), tonumber(rounds))
	local client_key = crypt.hmac_sha1(salted, "Client Key")
	local without_proof = "c=biws,r=" .. server_nonce
	local message = first_bare .. "," .. server_first .. "," .. without_proof
	local proof = crypt.xor_str(client_key, crypt.hmac_sha1(crypt.sha1(client_key), message))
	reply = db:runCommand("saslContinue", 1, "conversationId", id, "payload",
		crypt.base64encode(without_proof .. ",p=" .. crypt.base64encode(proof)))
	if reply.ok ~= 1 then return refused(reply) end

	local signature = crypt.base64encode(crypt.hmac_sha1(crypt.hmac_sha1(salted, "Server Key"), message))
	if crypt.base64decode(reply.payload):match "^v=([^,]*)" ~= signature then return "the server's signature is wrong" end
	if reply.done then return end
	reply = db:runCommand("saslContinue", 1, "conversationId", id, "payload", "")
	if reply.ok ~= 1 then return refused(reply) end
	if not reply.done then return "the server does not end the log-in" end
end

--- Raises when the server refuses, or is not who it says.
---@async
function auth.log_in(db, method, user, password)
	local run = methods[method] or error("Invalid authmod: " .. tostring(method), 0)
	local wrong = run(db, user, password)
	if wrong then error(string.format("log-in of %s at %s failed: %s", user, db.name, wrong), 0) end
end

return auth
