--- The handshake of WebSocket (RFC 6455, 4): what a server says to a client's request.
local crypt = require "skynet.crypt"
local framing = require "http.framing"

local GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

local handshake = {}

--- A field that may have come several times.
---@param header table<string, string|string[]>
---@param name string
---@return string?
function handshake.field(header, name)
	local value = header[name]
	if type(value) == "table" then return table.concat(value, ", ") end
	return value
end

local field = handshake.field

--- What a server answers to a key.
---@param key string
---@return string
function handshake.accept_value(key)
	return crypt.base64encode(crypt.sha1(key .. GUID))
end

local function is_key(key)
	local ok, bytes = pcall(crypt.base64decode, key)
	return ok and #bytes == 16
end

-- The first of the client's sub-protocols that is one of ours. nil: none
local function choose_protocol(offered, ours)
	for name in offered:gmatch "[^,%s]+" do
		for _, known in ipairs(ours) do
			if name == known then return name end
		end
	end
end

local function is_one_of(list, value)
	for _, one in ipairs(list) do
		if one == value then return true end
	end
	return false
end

--- Checks a request.
---@param method string
---@param version number
---@param header? table<string, string|string[]>
---@param options {protocols?: string[], origins?: string[]}  as of websocket.accept
---@return string? answer  its bytes; nil: it is refused
---@return integer? status  of a refusal
---@return string? body
function handshake.answer(method, version, header, options)
	if method ~= "GET" then return nil, 400, "need GET method" end
	if version < 1.1 then return nil, 505 end
	if not header then return nil, 400 end
	if (field(header, "upgrade") or ""):lower() ~= "websocket" then return nil, 426, "Upgrade Required" end
	if not header.host then return nil, 400, "host Required" end
	local kind, length = framing.of_request(header, version, true)
	if not framing.host(header) or not (kind == "none" or length == 0) then return nil, 400 end
	if not (field(header, "connection") or ""):lower():find("upgrade", 1, true) then
		return nil, 400, "Connection must Upgrade"
	end
	local key = field(header, "sec-websocket-key")
	if not key then return nil, 400, "Sec-WebSocket-Key Required" end
	if not is_key(key) then return nil, 400, "Sec-WebSocket-Key invalid" end
	if field(header, "sec-websocket-version") ~= "13" then return nil, 400, "Sec-WebSocket-Version must 13" end
	-- Programs that are no browsers send none, and may say what they like.
	local origin = field(header, "origin")
	if options.origins and origin and not is_one_of(options.origins, origin) then return nil, 403, "Origin not allowed" end
	local protocol = ""
	local protocols = options.protocols or { "chat" }
	local offered = field(header, "sec-websocket-protocol")
	if offered then
		local chosen = choose_protocol(offered, protocols)
		if not chosen then
			return nil, 400, "Sec-WebSocket-Protocol need include " .. table.concat(protocols, " or ")
		end
		protocol = "Sec-WebSocket-Protocol: " .. chosen .. "\r\n"
	end
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
		.. handshake.accept_value(key) .. "\r\n" .. protocol .. "\r\n"
end

return handshake
