--- Strings: splitting, and bytes as hex digits.
local strings = {}

--- The pieces between delimiters. Empty pieces are left out.
---@param s string
---@param delims string  a set: each of its characters delimits
---@return string[]
function strings.split(s, delims)
	local pieces = {}
	if delims == "" then
		if s ~= "" then pieces[1] = s end
		return pieces
	end
	-- LuaJIT takes a pattern to end at a NUL.
	local pattern = "[^" .. delims:gsub("%W", "%%%0"):gsub("%%%z", "%%z") .. "]+"
	for piece in s:gmatch(pattern) do
		pieces[#pieces + 1] = piece
	end
	return pieces
end

--- Two upper-case hex digits for each byte.
---@param s string
---@return string
function strings.tohex(s)
	return (s:gsub(".", function(c) return string.format("%02X", c:byte()) end))
end

--- The bytes that pairs of hex digits stand for. Raises when a pair is incomplete or is no hex number.
---@param hex string
---@return string
function strings.fromhex(hex)
	return (hex:gsub("..?", function(pair)
		if not pair:find "^%x%x$" then error("fromhex: '" .. pair .. "' is not a pair of hex digits", 4) end
		return string.char(tonumber(pair, 16))
	end))
end

return strings
