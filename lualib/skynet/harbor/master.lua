--- The protocol between a harbor's master and its slaves: a byte of length, then as many bytes of packed values, of
--- which the first one is a letter.
local skynet = require "skynet"
local socket = require "skynet.socket"

local master = {
	DEAD_SECONDS = 30, -- a host that does not answer any more is gone, to either side
}

local MAX_BYTES = 255
local MAX_NAME = 16
local MAX_HANDLE = 0xffffffff

local function integer(value, low, high)
	return type(value) == "number" and value == math.floor(value) and value >= low and value <= high
end

local function text(value, max)
	return type(value) == "string" and #value > 0 and #value <= max
end

local function node(id) return integer(id, 1, 255) end
local function address(value) return text(value, MAX_BYTES) end
local function name(value) return text(value, MAX_NAME) end
local function handle(value) return integer(value, 1, MAX_HANDLE) end
local function count(value) return integer(value, 0, 255) end

-- What follows each letter.
local VALUES = {
	H = { node, address },
	R = { name, handle },
	Q = { name },
	W = { count },
	C = { node, address },
	N = { name, handle },
	D = { node },
}

--- A packet as bytes. Raises when it is too long.
---@param letter string
---@param ... string|integer
---@return string
function master.encode(letter, ...)
	local body = skynet.packstring(letter, ...)
	assert(#body <= MAX_BYTES, "a packet for the harbor's master is too long")
	return string.char(#body) .. body
end

master.is_name = name
master.is_handle = handle

-- All values of the body, or false and why there are none.
local function values(ok, letter, ...)
	if not ok then return false, "undecodable bytes" end
	if type(letter) ~= "string" or #letter ~= 1 then return false, "a packet without a letter", true end
	for i, valid in ipairs(VALUES[letter] or {}) do
		if not valid((select(i, ...))) then return false, "a packet " .. letter .. " with a wrong value", true end
	end
	return letter, ...
end

--- The values of a packet's body.
---@param body string
---@return string|false letter  false: it is no packet
---@return any ...              the letter's values; or why it is none, and true if only this packet is of no use
function master.decode(body)
	if body == "" then return false, "an empty packet" end
	return values(pcall(skynet.unpack, body))
end

--- Hands a packet, as `read` gives it, to the function that its letter has. What nobody can use is logged.
---@param functions table<string, function>
---@param sender string  for the log
---@return boolean go_on  false: the connection is of no use any more
---@return string? why
function master.dispatch(functions, sender, letter, ...)
	if letter then
		local f = functions[letter]
		if f then
			f(...)
		else
			skynet.error(("Invalid packet %s from %s"):format(letter, sender))
		end
		return true
	end
	local why, only_this = ...
	if not only_this then return false, why end
	skynet.error(("Invalid packet from %s: %s"):format(sender, why))
	return true
end

--- The next packet of a connection.
---@async
---@param id integer
---@return string|false|nil letter  nil: the connection has ended; false: what came is no packet
---@return any ...                  as `decode` gives them
function master.read(id)
	local length = socket.read(id, 1)
	if not length then return nil end
	local body = socket.read(id, length:byte())
	if not body then return nil end
	return master.decode(body)
end

return master
