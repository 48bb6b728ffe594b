--- Read and write functions over a TLS session on a socket id. All raise when the stream ends.
local socket = require "skynet.socket"
local c = require "ltls.c"
local internal = require "http.internal"
local sockethelper = require "http.sockethelper"

local raise = sockethelper.raise

local tlshelper = {
	newctx = c.newctx,
	newtls = c.newtls,
}

local function send(id, bytes)
	if bytes and bytes ~= "" and not socket.write(id, bytes) then raise("write failed fd = " .. id) end
end

local function receive(id)
	return socket.read(id) or raise("read failed fd = " .. id)
end

-- Moves the records of a handshake; `first` are those to begin with.
local function shake_hands(id, tls, first)
	send(id, first)
	while not tls:finished() do
		local ok, bytes = pcall(tls.handshake, tls, receive(id))
		if not ok then
			-- tells the peer why
			socket.write(id, tls:write())
			error(bytes, 0)
		end
		send(id, bytes)
	end
	send(id, tls:write())
end

--- The client's handshake.
---@param id integer
---@param tls any
---@return fun(hostname?: string) init  blocks; `hostname` is told to the server
function tlshelper.init_requestfunc(id, tls)
	return function(hostname)
		if hostname then tls:set_ext_host_name(hostname) end
		shake_hands(id, tls, tls:handshake())
	end
end

--- The server's handshake.
---@param id integer
---@param tls any
---@return fun() init  blocks
function tlshelper.init_responsefunc(id, tls)
	return function()
		shake_hands(id, tls)
	end
end

--- Tells the peer that no more bytes come; to be called before the socket is closed.
---@param id integer
---@param tls any
function tlshelper.shutdown(id, tls)
	if not tls:finished() then return end
	local ok, bytes = pcall(tls.shutdown, tls)
	if ok and bytes ~= "" then socket.write(id, bytes) end
end

--- Frees the session; the socket id stays.
---@param tls any
---@return fun() close
function tlshelper.closefunc(tls)
	return function()
		tls:close()
	end
end

---@class http.tlshelper.source : http.source
---@field id integer
---@field tls any
---@field held string  bytes that were read and not used
local source = {}
source.__index = source

function source:unread(bytes)
	self.held = bytes .. self.held
end

-- Records that came without data, as session tickets, count for nothing.
function source:holds()
	if self.held ~= "" then return true end
	local bytes = self.tls:read(socket.held(self.id) > 0 and socket.read(self.id) or nil)
	self.held = bytes
	return bytes ~= ""
end

function source:write(bytes)
	send(self.id, self.tls:write(bytes))
end

-- Bytes that are there, at least one.
function source:some()
	local bytes = self.held
	if bytes ~= "" then
		self.held = ""
		return bytes
	end
	-- the last records of the handshake may have brought the first of these
	bytes = self.tls:read()
	while bytes == "" do
		bytes = self.tls:read(receive(self.id))
	end
	return bytes
end

function source:exactly(n)
	local first = self:some()
	local parts, size = { first }, #first
	while size < n do
		local part = self:some()
		parts[#parts + 1] = part
		size = size + #part
	end
	local bytes = table.concat(parts)
	self.held = bytes:sub(n + 1)
	return bytes:sub(1, n)
end

--- `read(n)` gives exactly n bytes, `read()` what is there, at least one byte.
---@param id integer
---@param tls any
---@return fun(n?: integer): string read  blocks
function tlshelper.readfunc(id, tls)
	local from = setmetatable({ id = id, tls = tls, held = "" }, source)
	local function read(n)
		if n == nil then return from:some() end
		if n <= 0 then return "" end
		return from:exactly(n)
	end
	internal.register(read, from)
	return read
end

---@param id integer
---@param tls any
---@return fun(bytes: string) write
function tlshelper.writefunc(id, tls)
	return function(bytes)
		send(id, tls:write(bytes))
	end
end

--- Everything until the stream ends.
---@param id integer
---@param tls any
---@return fun(): string readall  blocks
function tlshelper.readallfunc(id, tls)
	return function()
		local from = setmetatable({ id = id, tls = tls, held = "" }, source)
		local parts = {}
		while true do
			local ok, part = pcall(from.some, from)
			if not ok then
				if part ~= sockethelper.socket_error then error(part, 0) end
				return table.concat(parts)
			end
			parts[#parts + 1] = part
		end
	end
end

return tlshelper
