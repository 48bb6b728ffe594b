---@meta skynet.saslprep

--- The form of a password that SCRAM-SHA-256 wants (RFC 4013): Unicode's NFKC, without what cannot be seen. Raises
--- for what is not UTF-8 and for characters that no password may contain.
---@param text string
---@return string
local function saslprep(text) end

return saslprep
