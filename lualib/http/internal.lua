--- HTTP/1 over any pair of read and write functions, for both sides. Knows no sockets.
---
--- `read(n)` gives exactly n bytes, `read()` at least one; both raise when the stream ends. A message is read
--- in whatever pieces come, so bytes of the next message may come with it. They go back to where they came
--- from: a read function that its maker has registered has a *source* that takes them; for any other they are
--- kept here until that function reads the next message.
---
--- A registered read function is that of a connection, on which a second reader, a proxy, may see other messages than
--- we do. There RFC 9112 holds to the letter. Over any other function some forms that skynet takes are taken as well:
--- a folded line, the coding "identity"; and chunk extensions are refused.
local parser = require "skynet.http.parser"
local body = require "http.body"
local framing = require "http.framing"

local HEADER_LIMIT = 8192 -- bytes, of a head
local MAX_INTERIM = 1000  -- interim answers before the answer

local internal = {}

---@class http.source
---@field unread fun(self: http.source, bytes: string)
---@field write fun(self: http.source, bytes: string)
---@field holds? fun(self: http.source): boolean  whether bytes are there that nobody has read; does not block
---@field begun? boolean     a request has been taken
---@field finished? boolean  no further request is taken

-- The keys are read functions. The values must not refer to their keys: on LuaJIT they would never be collected.
local sources = setmetatable({}, { __mode = "k" })
local leftovers = setmetatable({}, { __mode = "k" })
local finished = setmetatable({}, { __mode = "k" }) -- true: no further request is taken; a source has it as a field

--- Tells where unused bytes of a read function go.
---@param read function
---@param source http.source  must not refer to `read`
function internal.register(read, source)
	sources[read] = source
end

--- Whether bytes have come that no message has asked for.
---@param read function
---@return boolean
function internal.holds(read)
	local source = sources[read]
	if source and source.holds then return source:holds() end
	return leftovers[read] ~= nil
end

local function unread(read, bytes)
	if bytes == "" then return end
	local source = sources[read]
	if source then source:unread(bytes) else leftovers[read] = bytes end
end

-- A request's head. → bytes, and the results of parser.request, the first of which is not nil
local function read_request_head(read, folds)
	local bytes = leftovers[read]
	if bytes then leftovers[read] = nil else bytes = read() end
	local skipped = 0
	while true do
		while bytes:byte(1) == 13 and bytes:byte(2) == 10 do
			-- empty lines between messages
			skipped = skipped + 2
			if skipped > HEADER_LIMIT then return bytes, false, "limit" end
			bytes = bytes:sub(3)
		end
		if bytes ~= "" then
			local method, url, version, header, next = parser.request(bytes, HEADER_LIMIT, nil, folds)
			if method ~= nil then return bytes, method, url, version, header, next end
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
	local extensions = sources[read] ~= nil
	while true do
		local data
		data, bytes, at = body.read_chunk(read, bytes, at, limit and limit - total, extensions)
		if data == false then return nil end
		if data == nil then break end
		parts[#parts + 1] = data
		total = total + #data
	end
	local rest = body.read_trailer(read, header, bytes, at)
	if not rest then return nil end
	return table.concat(parts), header, rest
end

-- ---- requests that come -----------------------------------------------------------------------

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

-- → 200, body, the bytes after it; or the status of a refusal
local function request_body(read, limit, version, header, rest)
	local kind, length = framing.of_request(header, version, sources[read] ~= nil)
	if kind == "none" then return 200, "", rest end
	if not kind then return length end
	if limit and kind == "length" and length > limit then return 413 end
	if rest == "" and header.expect and version >= 1.1 and length ~= 0 then answer_expectation(read, header) end
	if kind == "length" then return 200, take(read, rest, length) end
	local content, _, after = internal.recvchunkedbody(read, limit, header, rest)
	if not content then return 413 end
	return 200, content, after
end

-- skynet answers a request of HTTP/1.1 that names no host, and so do we when it is the only one of its connection: with
-- another before or behind it, it is refused, and none is taken after it.
local function refuses_hostless(read, rest)
	local source = sources[read]
	if not source then
		finished[read] = true
		return false
	end
	if source.begun or rest ~= "" or internal.holds(read) then return true end
	source.finished = true
	return false
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
---@return number? version  1.0 or 1.1
function internal.read_request(read, limit)
	local source = sources[read]
	local bytes, method, url, version, header, next = read_request_head(read, source == nil)
	if not method then
		if url == "limit" then return 413 end
		if url == "control" then return 400 end
		error "Invalid HTTP request line"
	end
	if version < 1.0 or version > 1.1 then return 505 end
	if not header then return 400 end
	if source then
		if source.finished then return 400 end
	elseif finished[read] then
		return 400
	end
	local host = framing.host(header)
	if host == false then return 400 end
	local rest = next > #bytes and "" or bytes:sub(next)
	local content = ""
	if header["content-length"] or header["transfer-encoding"] then
		local code
		code, content, rest = request_body(read, limit, version, header, rest)
		if code ~= 200 then return code end
	end
	if host == nil and version >= 1.1 and refuses_hostless(read, rest) then return 400 end
	if source then source.begun = true end
	unread(read, rest)
	return 200, url, method, header, content, version
end

-- ---- requests that are sent -------------------------------------------------------------------

---@class http.interface
---@field read function
---@field write function
---@field readall? function
---@field method? string    of the request sent last
---@field version? number   of the response read last
---@field begun? boolean    bytes of the response have come
---@field unasked? boolean  bytes had come before the request was sent
---@field clean? boolean    the answer has ended where both sides see its end, and nothing came after it

local function names_host(header)
	if header.Host ~= nil or header.host ~= nil then return true end
	for name in pairs(header) do
		if type(name) == "string" and name:lower() == "host" then return true end
	end
	return false
end

-- The head of an answer, at the start of `bytes` or still to come; the fields of an interim one are dropped.
-- → bytes after the head, code, version, header
local function read_response_head(interface, bytes, recvheader)
	local code, reason, version, fields, next
	while true do
		if bytes ~= "" then
			code, reason, version, fields, next = parser.response(bytes, HEADER_LIMIT, recvheader)
			if code ~= nil then break end
		end
		bytes = bytes .. interface.read()
		interface.begun = true
	end
	if code == false then
		error(reason == "limit" and "Recv header failed" or "Invalid HTTP response header: no status line")
	end
	if not fields then error "Invalid HTTP response header" end
	return bytes:sub(next), code, version, fields
end

--- Sends a request and reads the head of its response; interim answers (1xx, but 101) are skipped. Raises when the
--- stream ends or the head is malformed.
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
	if header and not names_host(header) then header.Host = host end
	interface.method = method
	interface.begun, interface.clean = false, false
	interface.unasked = internal.holds(interface.read)
	interface.write(parser.format_request(method, url, header, content, not header and host or nil))
	recvheader = recvheader or {}
	local rest, code, version, fields = "", nil, nil, nil
	for _ = 1, MAX_INTERIM do
		rest, code, version, fields = read_response_head(interface, rest, recvheader)
		if code >= 200 or code == 101 then
			interface.version = version
			return code, rest, fields
		end
	end
	error "Invalid HTTP response: interim answers without an end"
end

-- What every reader of an answer's body goes through. → the function that gives its pieces; whether its end is the
-- stream's
local function response_pieces(interface, read, code, rest, header)
	local kind, length, certain = framing.of_response(header, code, interface.version or 1.1, interface.method)
	local function done(after)
		interface.clean = certain and after == "" and not interface.unasked and not internal.holds(interface.read)
	end
	return body.pieces(kind, length, read, rest, header, done), kind == "stream"
end

--- The body of a response.
---@async
---@param interface http.interface
---@param code integer
---@param rest string
---@param header table
---@return string
function internal.response(interface, code, rest, header)
	local next_piece, to_the_end = response_pieces(interface, interface.read, code, rest, header)
	if to_the_end and interface.readall then return rest .. (interface.readall() or "") end
	local first = next_piece()
	if first == nil then return "" end
	local second = next_piece()
	if second == nil then return first end
	local parts, n = { first, second }, 2
	for part in next_piece do
		n = n + 1
		parts[n] = part
	end
	return table.concat(parts)
end

-- ---- bodies in pieces -------------------------------------------------------------------------

---@class http.stream
---@field status integer
---@field id? integer  the socket, of one that httpc has made
---@field header table
---@field connected? boolean  true: more may come; nil: ended as it should; false: ended early
---@field onclose? fun(stream: http.stream)  called once
---@field private next fun(): string?
local stream = {}

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
	local function read(n) return interface.read(n) end -- that of the moment: httpc puts a time limit into it
	local next_piece = response_pieces(interface, read, code, rest, header)
	return setmetatable({ status = code, header = header, connected = true, next = next_piece }, stream_meta)
end

return internal
