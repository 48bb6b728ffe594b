---@meta md5
--- MD5, and a simple cipher on top of it. For compatibility: neither is safe by today's measure.
local md5 = {}

---@param text string
---@return string hash  16 bytes
function md5.sum(text) end

---@param text string
---@return string hex  lower case
function md5.sumhexa(text) end

--- RFC 2104, with the text first.
---@param text string
---@param key string
---@return string hex  lower case
function md5.hmacmd5(text, key) end

--- Raises when the lengths differ.
---@param a string
---@param b string
---@return string
function md5.exor(a, b) end

--- One byte length of the seed, the seed, the cipher text.
---@param text string
---@param key string
---@param seed? string  at most 16 bytes; by default the time
---@return string
function md5.crypt(text, key, seed) end

---@param text string  from md5.crypt
---@param key string
---@return string
function md5.decrypt(text, key) end

return md5
