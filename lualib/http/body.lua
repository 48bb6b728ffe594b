--- The bodies of HTTP/1 messages, piece by piece, over a read function as `http.internal` takes it.
local parser = require "skynet.http.parser"

local TRAILER_LIMIT = 8192 -- bytes

local body = {}

--- One chunk that begins in `bytes` at `at`.
---@param read function
---@param bytes string
---@param at integer
---@param room? integer  bytes that it may have
---@param extensions boolean  they are skipped; false: refused
---@return string|false|nil data  nil: the last one; false: malformed or above `room`
---@return string bytes
---@return integer at  where the next one begins, or the trailer
function body.read_chunk(read, bytes, at, room, extensions)
	local size, next = parser.chunk_size(bytes, at, extensions)
	while size == nil do
		bytes, at = bytes:sub(at) .. read(), 1
		size, next = parser.chunk_size(bytes, at, extensions)
	end
	if not size or (room and size > room) then return false, bytes, at end
	if size == 0 then return nil, bytes, next end
	local held = #bytes - next + 1
	if held < size + 2 then
		bytes, next = bytes:sub(next) .. read(size + 2 - held), 1
	end
	local data = bytes:sub(next, next + size - 1)
	if bytes:sub(next + size, next + size + 1) ~= "\r\n" then return false, bytes, at end
	return data, bytes, next + size + 2
end

--- The fields after the last chunk; they are added to `header`.
---@return string? rest  the bytes after them; nil: malformed, or a field that must stand in the head
function body.read_trailer(read, header, bytes, at)
	while true do
		local fields, next = parser.fields(bytes, at, header, TRAILER_LIMIT)
		if fields then return bytes:sub(next) end
		if fields == false then return nil end
		bytes, at = bytes:sub(at) .. read(), 1
	end
end

-- Each gives a function that returns the next piece, nil at the proper end, and raises for an early one. `done` is
-- called at the proper end with the bytes that came after it.

local function of_length(read, rest, left, done)
	return function()
		if left == 0 then
			done(rest)
			return nil
		end
		local part = rest
		if part == "" then part = read() end
		rest = ""
		if #part > left then part, rest = part:sub(1, left), part:sub(left + 1) end
		left = left - #part
		return part
	end
end

local function of_chunks(read, rest, header, done)
	local bytes, at = rest, 1
	return function()
		local data
		data, bytes, at = body.read_chunk(read, bytes, at, nil, true)
		if data == nil then
			local after = body.read_trailer(read, header, bytes, at)
			if after then
				done(after)
				return nil
			end
		end
		if not data then error "Invalid response body" end
		-- what was taken need not be held until the next piece
		bytes, at = bytes:sub(at), 1
		return data
	end
end

local function of_stream(read, rest)
	return function()
		local part = rest
		rest = ""
		if part ~= "" then return part end
		local ok, bytes = pcall(read)
		return ok and bytes or nil
	end
end

--- The pieces of an answer's body.
---@param kind string  with the length of "length", as of framing.of_response
---@param length? integer
---@param read function
---@param rest string  bytes read before
---@param header table  of the answer
---@param done fun(rest: string)
---@return fun(): string?
function body.pieces(kind, length, read, rest, header, done)
	if kind == "none" then return of_length(read, rest, 0, done) end
	if kind == "length" then return of_length(read, rest, length, done) end
	if kind == "chunked" then return of_chunks(read, rest, header, done) end
	return of_stream(read, rest)
end

return body
