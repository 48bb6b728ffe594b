--- What the header of an HTTP/1 message says about its frame (RFC 9112, 3.2 and 6): where the body ends, for which
--- host it is, whether the connection goes on. Knows no streams; header tables are those of `http.httpd`.
local framing = {}

local LENGTH_DIGITS = 15 -- what every number of Lua counts exactly
local TOKEN = "^[%w!#$%%&'*+%-.^_`|~]+$"
local HOST = "^[%w%-._~%%!$&'()*+,;=:%[%]]*[ \t]*$"

-- The parts between commas, in lower case, of a value or a list of values.
local function elements(value)
	if type(value) == "table" then value = table.concat(value, ",") end
	local list = {}
	for part in (tostring(value):lower() .. ","):gmatch "[ \t]*(.-)[ \t]*," do list[#list + 1] = part end
	return list
end

--- Whether a header, whose names may be in any case, has a field `connection` that says `option`.
---@param header table
---@param option string  in lower case
---@return boolean
function framing.connection_says(header, option)
	for name, value in pairs(header) do
		if type(name) == "string" and name:lower() == "connection" then
			for _, element in ipairs(elements(value)) do
				if element == option then return true end
			end
		end
	end
	return false
end

-- The value of content-length. → number, nil when absent, false when it is none
local function content_length(header)
	local text = header["content-length"]
	if text == nil then return nil end
	if type(text) == "table" then
		-- the same number several times is one number
		for _, other in ipairs(text) do
			if other ~= text[1] then return false end
		end
		text = text[1]
	end
	local digits = text:match "^(%d+)[ \t]*$"
	return digits ~= nil and #digits <= LENGTH_DIGITS and tonumber(digits)
end

-- → nil when absent, "chunked", "identity", "unknown": codings that nobody here can undo, "bad": the end of the body is
-- not to be found
local function transfer_coding(header)
	local value = header["transfer-encoding"]
	if value == nil or value == "chunked" then return value end
	local list = elements(value)
	local last = #list
	if last == 1 and (list[1] == "chunked" or list[1] == "identity") then return list[1] end
	for i, coding in ipairs(list) do
		local name = coding:match "^([^;]-)[ \t]*;" or coding
		if not name:find(TOKEN) or name == "identity" or (name == "chunked" and i < last) then return "bad" end
	end
	return "unknown"
end

--- Where the body of a request ends.
---@param header table
---@param version number
---@param strict boolean  false: the coding "identity", which RFC 9112 has no more, is none, as on skynet
---@return "none"|"chunked"|"length"|nil kind  nil: the request is to be refused
---@return integer? length  of "length"; without a kind: the status of the refusal
function framing.of_request(header, version, strict)
	local coding, length = transfer_coding(header), content_length(header)
	if length == false or coding == "bad" then return nil, 400 end
	if coding == "identity" and not strict then coding = nil end
	if coding then
		if length or version < 1.1 or coding == "identity" then return nil, 400 end
		if coding == "unknown" then return nil, 501 end
		return "chunked"
	end
	if length then return "length", length end
	return "none"
end

local last_good -- host: nearly always the one of the request before

--- Whether a request says for which host it is.
---@param header table
---@return boolean? good  nil: it does not say; false: twice, or not in a way that all understand alike
function framing.host(header)
	local host = header.host
	if host == last_good and host ~= nil then return true end
	if host == nil then return nil end
	if type(host) ~= "string" or not host:find(HOST) then return false end
	last_good = host
	return true
end

-- Whether the header announces a body: one that must not come may come nevertheless, and later.
local function announces_body(header)
	local length = header["content-length"]
	return header["transfer-encoding"] ~= nil or (length ~= nil and content_length(header) ~= 0)
end

--- Where the body of an answer ends. Raises when that is not to be found.
---@param header table
---@param code integer
---@param version number
---@param method? string  of the request
---@return "none"|"chunked"|"length"|"stream" kind
---@return integer? length
---@return boolean certain  the server cannot see another end
function framing.of_response(header, code, version, method)
	if code < 200 or (method == "CONNECT" and code < 300) then return "none", nil, false end
	if code == 204 or code == 304 or method == "HEAD" then return "none", nil, not announces_body(header) end
	local coding, length = transfer_coding(header), content_length(header)
	if coding == "unknown" or coding == "bad" then
		error("Unsupport transfer-encoding: " .. table.concat(elements(header["transfer-encoding"]), ", "))
	end
	if length == false then error "Invalid HTTP response header: content-length" end
	if coding == "chunked" then
		if length then error "Invalid HTTP response header: content-length beside transfer-encoding" end
		return "chunked", nil, version >= 1.1
	end
	if length then return "length", length, coding == nil end
	return "stream", nil, false
end

return framing
