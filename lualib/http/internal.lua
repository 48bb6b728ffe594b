--- HTTP/1 over any pair of read and write functions, for both sides. Knows no sockets.
---
--- `read(n)` gives exactly n bytes, `read()` at least one; both raise when the stream ends. A message is read
--- in whatever pieces come, so bytes of the next message may come with it. They go back to where they came
--- from: a read function that its maker has registered has a *source* that takes them; for any other they are
--- kept here until that function reads the next message.
local parser = require "skynet.http.parser"

local HEADER_LIMIT = 8192 -- bytes, of a head and of a trailer

local internal = {}

---@class http.source
---@field unread fun(self: http.source, bytes: string)
---@field write fun(self: http.source, bytes: string)

-- The keys are read functions. The values must not refer to their keys: on LuaJIT they would never be collected.
local sources = setmetatable({}, { __mode = "k" })
local leftovers = setmetatable({}, { __mode = "k" })

--- Tells where unused bytes of a read function go.
---@param read function
---@param source http.source  must not refer to `read`
function internal.register(read, source)
	sources[read] = source
end

local function unread(read, bytes)
	if bytes == "" then return end
	local source = sources[read]
	if source then source:unread(bytes) else leftovers[read] = bytes end
end

local function first_bytes(read)
	local bytes = leftovers[read]
	if bytes == nil then return read() end
	leftovers[read] = nil
	return bytes
end

-- A head. → bytes, and the results of `parse`, which is not nil
local function read_head(read, parse, header)
	local bytes = first_bytes(read)
	local skipped = 0
	while true do
		local first = bytes:byte(1)
		if first == 13 or first == 10 then
			-- empty lines between messages
			local line = bytes:match "^[\r\n]+"
			skipped = skipped + #line
			if skipped > HEADER_LIMIT then return bytes, false, "limit" end
			bytes = bytes:sub(#line + 1)
		end
		if bytes ~= "" then
			local a, b, version, fields, next = parse(bytes, HEADER_LIMIT, header)
			if a ~= nil then return bytes, a, b, version, fields, next end
		end
		bytes = bytes .. read()
	end
end

--- Appends the lines up to the empty line to `lines`.
---@param read function
---@param lines string[]
---@param start? string  bytes read before
---@return string? rest  the bytes after the header; nil: it is above 8192 bytes
function internal.recvheader(read, lines, start)
	local bytes, from = start or "", 1
	while true do
		if bytes:sub(1, 2) == "\r\n" then return bytes:sub(3) end
		local stop = bytes:find("\r\n\r\n", from, true)
		if (stop or #bytes) > HEADER_LIMIT then return nil end
		if stop then
			for line in bytes:sub(1, stop + 1):gmatch "(.-)\r\n" do lines[#lines + 1] = line end
			return bytes:sub(stop + 4)
		end
		from = math.max(1, #bytes - 2)
		bytes = bytes .. read()
	end
end

--- Header lines into a table: names in lower case, a repeated name has the list of its values.
---@param lines string[]
---@param from integer  index of the first
---@param header table
---@return table? header  nil: a bad line
function internal.parseheader(lines, from, header)
	return parser.lines(lines, from, header)
end

-- One chunk that begins in `bytes` at `at`. → data, bytes, at   (data nil: the last one; false: malformed)
local function read_chunk(read, bytes, at, room)
	local size, next = parser.chunk_size(bytes, at)
	while size == nil do
		bytes, at = bytes:sub(at) .. read(), 1
		size, next = parser.chunk_size(bytes, at)
	end
	if not size or (room and size > room) then return false end
	if size == 0 then return nil, bytes, next end
	local held = #bytes - next + 1
	local data
	if held < size + 2 then
		bytes, next = bytes:sub(next) .. read(size + 2 - held), 1
	end
	data = bytes:sub(next, next + size - 1)
	if bytes:sub(next + size, next + size + 1) ~= "\r\n" then return false end
	return data, bytes, next + size + 2
end

-- The fields after the last chunk. → the bytes after them, or nil when malformed
local function read_trailer(read, header, bytes, at)
	while true do
		local fields, next = parser.fields(bytes, at, header, HEADER_LIMIT)
		if fields then return bytes:sub(next) end
		if fields == false then return nil end
		bytes, at = bytes:sub(at) .. read(), 1
	end
end

--- A chunked body. Fields of its trailer are added to `header`.
---@param read function
---@param limit? integer  bytes of the whole body
---@param header table
---@param start? string  bytes read before
---@return string? body  nil: malformed or above the limit
---@return table header
---@return string rest  bytes after the body
function internal.recvchunkedbody(read, limit, header, start)
	local bytes, at, total, parts = start or "", 1, 0, {}
	while true do
		local data
		data, bytes, at = read_chunk(read, bytes, at, limit and limit - total)
		if data == false then return nil end
		if data == nil then break end
		parts[#parts + 1] = data
		total = total + #data
	end
	local rest = read_trailer(read, header, bytes, at)
	if not rest then return nil end
	return table.concat(parts), header, rest
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
	return text:find "^%d+%s*$" ~= nil and #text <= 15 and tonumber(text)
end

-- → n bytes, and what is left, from `start` and then `read`
local function take(read, start, n)
	if #start <= n then
		if #start < n then start = start .. read(n - #start) end
		return start, ""
	end
	return start:sub(1, n), start:sub(n + 1)
end

-- Lets a client go on that waits for a word before it sends its body.
local function answer_expectation(read, header)
	local expect, source = header.expect, sources[read]
	if source and type(expect) == "string" and expect:lower() == "100-continue" then
		source:write "HTTP/1.1 100 Continue\r\n\r\n"
	end
end

local function request_body(read, limit, header, rest)
	local encoding = header["transfer-encoding"]
	local length = content_length(header)
	local body
	if encoding == "chunked" then
		if rest == "" and header.expect then answer_expectation(read, header) end
		local ok
		body, ok, rest = internal.recvchunkedbody(read, limit, header, rest)
		if not ok then return 413 end
	elseif encoding ~= nil and encoding ~= "identity" then
		return 501
	elseif length == false then
		return 400
	elseif length then
		if limit and length > limit then return 413 end
		if rest == "" and header.expect and length > 0 then answer_expectation(read, header) end
		body, rest = take(read, rest, length)
	else
		body = ""
	end
	unread(read, rest)
	return 200, body
end

--- One request. Raises when the stream ends before, or the request line is malformed.
---@async
---@param read function
---@param limit? integer  bytes of the body
---@return integer code  only 200 comes with the others
---@return string? url
---@return string? method
---@return table? header
---@return string? body
function internal.read_request(read, limit)
	local bytes, method, url, version, header, next = read_head(read, parser.request)
	if not method then
		if url == "limit" then return 413 end
		error "Invalid HTTP request line"
	end
	if version < 1.0 or version > 1.1 then return 505 end
	if not header then return 400 end
	local rest = next > #bytes and "" or bytes:sub(next)
	if rest == "" and not header["content-length"] and not header["transfer-encoding"] then
		return 200, url, method, header, ""
	end
	local code, body = request_body(read, limit, header, rest)
	if code ~= 200 then return code end
	return 200, url, method, header, body
end

---@class http.interface
---@field read function
---@field write function
---@field readall? function
---@field method? string    of the request sent last
---@field version? number   of the response read last
---@field begun? boolean    bytes of the response have come
---@field clean? boolean    the body has ended, and nothing came after it

--- Sends a request and reads the head of its response. Raises when the stream ends or the head is malformed.
---@async
---@param interface http.interface
---@param method string
---@param host string  for the host field, when `header` has none
---@param url string
---@param recvheader? table  to be filled with the response's header
---@param header? table  Host is added to it
---@param content? string
---@return integer code
---@return string rest  bytes after the head
---@return table header
function internal.request(interface, method, host, url, recvheader, header, content)
	if header and header.Host == nil and header.host == nil then header.Host = host end
	interface.method = method
	interface.begun, interface.clean = false, false
	interface.write(parser.format_request(method, url, header, content, not header and host or nil))
	local read = interface.read
	local function first_read()
		local bytes = read()
		interface.begun = true
		return bytes
	end
	local bytes, code, reason, version, fields, next = read_head(first_read, parser.response, recvheader or {})
	if code == false then
		error(reason == "limit" and "Recv header failed" or "Invalid HTTP response header: no status line")
	end
	if not fields then error "Invalid HTTP response header" end
	interface.version = version
	return code, bytes:sub(next), fields
end

-- How the body of a response ends: "none", "chunked", "length" and the number of bytes, or "stream".
local function framing(interface, code, header)
	if code == 204 or code == 304 or code < 200 or interface.method == "HEAD" then return "none" end
	local encoding = header["transfer-encoding"]
	if encoding == "chunked" then return "chunked" end
	if encoding ~= nil and encoding ~= "identity" then error("Unsupport transfer-encoding: " .. tostring(encoding)) end
	local length = content_length(header)
	if length == false then error "Invalid HTTP response header: content-length" end
	if length then return "length", length end
	return "stream"
end

--- The body of a response.
---@async
---@param interface http.interface
---@param code integer
---@param rest string
---@param header table
---@return string
function internal.response(interface, code, rest, header)
	local kind, length = framing(interface, code, header)
	local body
	if kind == "none" then
		body = ""
	elseif kind == "chunked" then
		body, header, rest = internal.recvchunkedbody(interface.read, nil, header, rest)
		if not body then error "Invalid response body" end
	elseif kind == "length" then
		body, rest = take(interface.read, rest, length)
	else
		return rest .. (interface.readall() or "")
	end
	interface.clean = rest == ""
	return body
end

-- ---- bodies in pieces -------------------------------------------------------------------------

---@class http.stream
---@field status integer
---@field header table
---@field connected? boolean  true: more may come; nil: ended as it should; false: ended early
---@field onclose? fun(stream: http.stream)  called once
---@field private next fun(): string?
local stream = {}

-- Each gives a function that returns the next piece, nil at the proper end, and raises for an early one.

local function next_of_length(interface, rest, left)
	return function()
		if left == 0 then return nil end
		local part = rest
		rest = ""
		if part == "" then part = interface.read() end
		if #part > left then part = part:sub(1, left) end
		left = left - #part
		return part
	end
end

local function next_of_chunks(interface, rest, header)
	local bytes, at = rest, 1
	return function()
		local data
		data, bytes, at = read_chunk(interface.read, bytes, at)
		if data == nil and read_trailer(interface.read, header, bytes, at) then return nil end
		if not data then error "Invalid response body" end
		-- what was taken need not be held until the next piece
		bytes, at = bytes:sub(at), 1
		return data
	end
end

local function next_of_stream(interface, rest)
	return function()
		local part = rest
		rest = ""
		if part ~= "" then return part end
		local ok, bytes = pcall(interface.read)
		return ok and bytes or nil
	end
end

--- The next piece of the body, which may be ""; nil when there is none. Raises when it ends early.
---@async
---@return string?
function stream:padding()
	if not self.connected then return nil end
	local ok, part = pcall(self.next)
	if ok and part then return part end
	self.connected = nil
	if not ok then self.connected = false end
	self:close()
	if not ok then error(part, 0) end
end

--- Closes the connection, if reading to the end has not done so.
---@async
function stream:close()
	local onclose = self.onclose
	self.onclose = nil
	if self.connected then self.connected = false end
	if onclose then onclose(self) end
end

local stream_meta = {
	__index = stream,
	__call = function(self)
		return self:padding(), self
	end,
	__close = stream.close,
}

--- The body of a response in pieces: `for part in stream do ... end`.
---@param interface http.interface
---@param code integer
---@param rest string
---@param header table
---@return http.stream
function internal.response_stream(interface, code, rest, header)
	local kind, length = framing(interface, code, header)
	local next
	if kind == "none" then
		next = next_of_length(interface, "", 0)
	elseif kind == "chunked" then
		next = next_of_chunks(interface, rest, header)
	elseif kind == "length" then
		next = next_of_length(interface, rest, length)
	else
		next = next_of_stream(interface, rest)
	end
	return setmetatable({ status = code, header = header, connected = true, next = next }, stream_meta)
end

return internal
