--- Log-ins of skynet.db.mongo: SCRAM-SHA-1, SCRAM-SHA-256, and the older MONGODB-CR.
---
--- A server is not believed before it has proved that it knows the password as well. Its numbers are bounded: rounds
--- that take minutes would stop this service.
local crypt = require "skynet.crypt"
local md5 = require "md5"

local auth = {}

local NONCE_BYTES = 9 -- 12 characters in base64
local MOST_ROUNDS = 1000000 -- about a second

local function refused(reply)
	return reply.errmsg or "refused without a text"
end

local function password_digest(user, password)
	return md5.sumhexa(user .. ":mongo:" .. password)
end

-- SASLprep leaves ASCII as it is, and refuses its control characters.
local function prepared(_, password)
	if password:find "[%z\1-\31\127]" then error("a password with a control character", 0) end
	if not password:find "[\128-\255]" then return password end
	local ok, text = pcall(require "skynet.saslprep", password)
	if not ok then error("a password that SASLprep refuses: " .. tostring(text):gsub("^.*saslprep: ", ""), 0) end
	return text
end

local SCRAM = {
	scram_sha1 = {
		name = "SCRAM-SHA-1",
		hash = crypt.sha1,
		hmac = crypt.hmac_sha1,
		derive = crypt.pbkdf2_sha1,
		secret = password_digest,
		-- RFC 5802 asks for 4096; servers with fewer have been seen.
		least_rounds = 1,
	},
	scram_sha256 = {
		name = "SCRAM-SHA-256",
		hash = crypt.sha256,
		hmac = crypt.hmac_sha256,
		derive = crypt.pbkdf2_sha256,
		secret = prepared,
		least_rounds = 4096, -- RFC 7677
	},
}

local function payload_of(reply)
	return type(reply.payload) == "string" and crypt.base64decode(reply.payload) or ""
end

-- → what went wrong or nil, and whether the server refused to begin
local function scram(kind, run, user, password)
	local ok, secret = pcall(kind.secret, user, password)
	if not ok then return secret end
	local nonce = crypt.base64encode((crypt.randomkey() .. crypt.randomkey()):sub(1, NONCE_BYTES))
	local name = user:gsub("=", "=3D"):gsub(",", "=2C")
	local first_bare = "n=" .. name .. ",r=" .. nonce
	local reply = run("saslStart", 1, "autoAuthorize", 1, "mechanism", kind.name, "payload",
		crypt.base64encode("n,," .. first_bare))
	if reply.ok ~= 1 then return refused(reply), true end
	local id = reply.conversationId
	local server_first = payload_of(reply)
	local server_nonce, salt, rounds = server_first:match "^r=([^,]*),s=([^,]+),i=(%d+)"
	if not server_nonce or id == nil then return "a malformed challenge" end
	if #server_nonce <= #nonce or server_nonce:sub(1, #nonce) ~= nonce then return "the server invented a nonce" end
	rounds = tonumber(rounds)
	if rounds < kind.least_rounds or rounds > MOST_ROUNDS then
		return string.format("the server asks for %.0f rounds: %d to %d are allowed", rounds, kind.least_rounds, MOST_ROUNDS)
	end

	local salted = kind.derive(secret, crypt.base64decode(salt), rounds)
	local client_key = kind.hmac(salted, "Client Key")
	local without_proof = "c=biws,r=" .. server_nonce
	local message = first_bare .. "," .. server_first .. "," .. without_proof
	local proof = crypt.xor_str(client_key, kind.hmac(kind.hash(client_key), message))
	reply = run("saslContinue", 1, "conversationId", id, "payload",
		crypt.base64encode(without_proof .. ",p=" .. crypt.base64encode(proof)))
	if reply.ok ~= 1 then return refused(reply) end

	local last = payload_of(reply)
	local complaint = last:match "^e=([^,]*)"
	if complaint then return "the server says: " .. complaint end
	local signature = crypt.base64encode(kind.hmac(kind.hmac(salted, "Server Key"), message))
	if last:match "^v=([^,]*)" ~= signature then return "the server's signature is wrong" end
	if reply.done then return end
	-- The one round that may be left: an empty one.
	reply = run("saslContinue", 1, "conversationId", id, "payload", "")
	if reply.ok ~= 1 then return refused(reply) end
	if not reply.done then return "the server does not end the log-in" end
end

local methods = {}

function methods.scram_sha1(...) return scram(SCRAM.scram_sha1, ...) end
function methods.scram_sha256(...) return scram(SCRAM.scram_sha256, ...) end

function methods.mongodb_cr(run, user, password)
	local reply = run "getnonce"
	if reply.ok ~= 1 then return refused(reply) end
	if type(reply.nonce) ~= "string" then return "a malformed challenge" end
	local key = md5.sumhexa(reply.nonce .. user .. password_digest(user, password))
	reply = run("authenticate", 1, "user", user, "nonce", reply.nonce, "key", key)
	if reply.ok ~= 1 then return refused(reply) end
end

local function fail(user, db, wrong)
	error(string.format("log-in of %s at %s failed: %s", user, db, wrong), 0)
end

--- Whether a reply to hello with saslSupportedMechs lists a method.
---@param hello table
---@param method string  as of log_in
---@return boolean
function auth.offers(hello, method)
	for _, name in ipairs(hello.saslSupportedMechs or {}) do
		if name == SCRAM[method].name then return true end
	end
	return false
end

--- Raises when the server refuses, or is not who it says.
---@async
---@param run fun(command: string, value?: any, ...): table  runs a command on the user's database
---@param db string  its name
---@param method string  scram_sha1, scram_sha256, mongodb_cr
---@param user string
---@param password string
---@param begin_refused? boolean  true: when the server refuses to begin, that is returned instead of raised
---@return string? refusal
function auth.log_in(run, db, method, user, password, begin_refused)
	local try = methods[method] or error("Invalid authmod: " .. tostring(method), 0)
	local wrong, at_begin = try(run, user, password)
	if not wrong then return end
	if begin_refused and at_begin then return wrong end
	fail(user, db, wrong)
end

auth.fail = fail

return auth
