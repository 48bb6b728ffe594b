---@meta skynet.crypt
--- The primitives of the login protocol and of database handshakes. `client.crypt` is the same module.
--- Everything is a byte string; "u64" is 8 bytes, the lowest first.
local crypt = {}

---@enum skynet.crypt.padding
crypt.padding = {
	iso7816_4 = 0, -- 0x80, then zeros
	pkcs7 = 1, -- n bytes of the value n
}

--- 8 random bytes from OpenSSL's generator.
---@return string u64
function crypt.randomkey() end

---@param text string
---@return string u64
function crypt.hashkey(text) end

--- MD5's rounds over two numbers; not an HMAC in the sense of RFC 2104.
---@param x string  u64
---@param y string  u64
---@return string u64
function crypt.hmac64(x, y) end

---@param x string  u64
---@param y string  u64
---@return string u64
function crypt.hmac64_md5(x, y) end

--- hmac64(hashkey(text), key)
---@param key string  u64
---@param text string
---@return string u64
function crypt.hmac_hash(key, text) end

--- 5^key modulo 2^64 - 59. Raises for 0.
---@param key string  u64
---@return string u64
function crypt.dhexchange(key) end

--- other^key modulo 2^64 - 59. Raises for 0.
---@param other string  u64
---@param key string  u64
---@return string u64
function crypt.dhsecret(other, key) end

--- DES-ECB with at least one byte of padding.
---@param key string  8 bytes
---@param text string
---@param padding? skynet.crypt.padding
---@return string
function crypt.desencode(key, text, padding) end

--- Raises when the padding is wrong, which is what a wrong key looks like.
---@param key string  8 bytes
---@param data string  a multiple of 8 bytes
---@param padding? skynet.crypt.padding
---@return string
function crypt.desdecode(key, data, padding) end

---@param bytes string
---@return string text  lower case
function crypt.hexencode(bytes) end

---@param text string  0-9, a-f
---@return string
function crypt.hexdecode(text) end

---@param bytes string
---@return string text
function crypt.base64encode(bytes) end

--- Skips characters outside the alphabet; "=" may be missing at the end.
---@param text string
---@return string
function crypt.base64decode(text) end

---@param text string
---@return string hash  20 bytes
function crypt.sha1(text) end

---@param key string
---@param text string
---@return string hash  20 bytes
function crypt.hmac_sha1(key, text) end

--- PBKDF2 with HMAC-SHA-1 (RFC 8018), as SCRAM-SHA-1 has it. Does not yield; a million rounds take about a second.
---@param password string
---@param salt string
---@param rounds integer  1 to 10,000,000
---@return string key  20 bytes
function crypt.pbkdf2_sha1(password, salt, rounds) end

---@param text string
---@return string hash  32 bytes
function crypt.sha256(text) end

---@param key string
---@param text string
---@return string hash  32 bytes
function crypt.hmac_sha256(key, text) end

--- As pbkdf2_sha1, with HMAC-SHA-256.
---@param password string
---@param salt string
---@param rounds integer
---@return string key  32 bytes
function crypt.pbkdf2_sha256(password, salt, rounds) end

--- RSA with OAEP (SHA-1), which only who has the private key can undo. Raises when `pem` is no key, and when the text
--- has more bytes than the key less 42.
---@param pem string  a public key
---@param text string
---@return string
function crypt.rsa_oaep(pem, text) end

--- `text` xor `key`, repeated as often as it takes.
---@param text string
---@param key string  not empty
---@return string
function crypt.xor_str(text, key) end

return crypt
