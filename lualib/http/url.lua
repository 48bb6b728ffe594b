--- Addresses of HTTP requests: taking them apart.
local url = {}

local function decode(text)
	if not text:find "[+%%]" then return text end
	return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- Splits at the first "?". A "%" without two hex digits stays as it is.
---@param u string
---@return string path  decoded
---@return string query  raw, "" when there is none
function url.parse(u)
	local path, query = u:match "^([^?]*)%??(.*)$"
	return decode(path), query
end

--- The decoded pairs of a query; a repeated key has the list of its values.
---@param q string
---@return table<string, string|string[]>
function url.parse_query(q)
	local fields = {}
	for pair in q:gmatch "[^&]+" do
		local key, value = pair:match "^([^=]*)=?(.*)$"
		key, value = decode(key), decode(value)
		local before = fields[key]
		if before == nil then
			fields[key] = value
		elseif type(before) == "table" then
			before[#before + 1] = value
		else
			fields[key] = { before, value }
		end
	end
	return fields
end

return url
