--- The connections of a web server: requests in, answers out, on "http" or "https", one after the other where the
--- server keeps connections open.
---
---     local serve = web_server { protocol = "http", keepalive = true, answer = function(method, url, header, body)
---         return "hello", 200
---     end }
---     skynet.dispatch("lua", function(_, _, fd) serve(fd) end)
local skynet = require "skynet"
local deadlines = require "skynet.deadlines"
local killed = require "skynet.killed"
local httpd = require "http.httpd"
local http_internal = require "http.internal"
local printable = require "printable"
local socket = require "skynet.socket"
local closing = require "skynet.socket.closing"
local sockethelper = require "http.sockethelper"

local SERVER_ERROR = "500 Internal Server Error"
local BODY_LIMIT = 8192    -- bytes
local REQUEST_LIMIT = 3000 -- 1/100 s
local DRAIN_TIME = 100     -- 1/100 s
local SEND_LIMIT = 64 * 1024 * 1024 -- bytes

---@class web_server.options
---@field answer async fun(method: string, url: string, header: table, body: string): string, integer?, table?  body,
---       status (200) and fields of the answer; when it raises, the answer is 500
---@field protocol? "http"|"https"  certificate: config keys `certfile`, `keyfile`
---@field keepalive? boolean  a connection takes more than one request
---@field body_limit? integer  bytes; 8192
---@field request_limit? integer  1/100 s in which a request must have come and its answer gone; that of the last one may
---       take longer while the client reads; 3000
---@field sendlimit? integer  bytes that may wait for a client that sends requests and reads no answers, which then is
---       cut: at least as much as the largest answer has; 64 MB
---@field refuse? fun(status: integer): string?, table?  body and fields for a request that is malformed or too large
---@field failed? fun(message: any): string?, table?  the same for an answer that raised, which is logged

-- ---- the two ways to read and write -----------------------------------------------------------

local function open_http(fd)
	return {
		read = sockethelper.readfunc(fd),
		write = sockethelper.writefunc(fd),
		finish = function() end,
		close = function() end,
	}
end

local tls_context

local function open_https(fd)
	-- Loaded here: it needs a runtime with TLS.
	local tlshelper = require "http.tlshelper"
	if not tls_context then
		local certificate = skynet.getenv "certfile" or "./server-cert.pem"
		local key = skynet.getenv "keyfile" or "./server-key.pem"
		print(certificate, key)
		local context = tlshelper.newctx()
		context:set_cert(certificate, key)
		tls_context = context
	end
	local tls = tlshelper.newtls("server", tls_context)
	tlshelper.init_responsefunc(fd, tls)()
	return {
		read = tlshelper.readfunc(fd, tls),
		write = tlshelper.writefunc(fd, tls),
		finish = function() tlshelper.shutdown(fd, tls) end,
		close = tlshelper.closefunc(tls),
	}
end

-- ---- one connection ---------------------------------------------------------------------------

-- Whether the client wants to send more requests. `connection` may be a list of words, and may come several times.
local function wants_more(version, header)
	local words = header.connection
	if words == nil then return version >= 1.1 end
	if type(words) == "table" then words = table.concat(words, ",") end
	words = "," .. words:lower():gsub("%s", "") .. ","
	if words:find(",close,", 1, true) then return false end
	return version >= 1.1 or words:find(",keep-alive,", 1, true) ~= nil
end

-- Says what version 1.0 does not take for granted, and 1.1 not either when the connection ends.
local function connection_field(fields, version, more)
	if more and version >= 1.1 then return fields end
	local copy = { connection = more and "keep-alive" or "close" }
	for name, value in pairs(fields or {}) do copy[name] = value end
	return copy
end

-- The answer to HEAD says how long the body would have been.
local function length_field(fields, text)
	if type(text) ~= "string" or text == "" then return fields end
	local copy = { ["content-length"] = #text }
	for name, value in pairs(fields or {}) do
		if tostring(name):lower() == "content-length" then return fields end
		copy[name] = value
	end
	return copy
end

-- A peer that is refused may still be sending. Closing on bytes that nobody has read resets the connection, and the
-- reset may overtake the answer; so what comes is thrown away until the peer has done, for a second at most.
local function drain(fd)
	local open = true
	skynet.timeout(DRAIN_TIME, function()
		if open then socket.shutdown(fd) end
	end)
	while socket.read(fd) do end
	open = false
end

---@param conf web_server.options
---@return async fun(fd: integer) serve  serves a connection until it ends, and closes it
return function(conf)
	local open = conf.protocol == "https" and open_https or open_http
	local answer = conf.answer
	local refuse = conf.refuse or function() end
	local failed = conf.failed or function() return SERVER_ERROR end
	local body_limit = conf.body_limit or BODY_LIMIT
	local send_limit = conf.sendlimit or SEND_LIMIT
	local request_limit = conf.request_limit or REQUEST_LIMIT
	local open_requests = deadlines(request_limit, socket.shutdown)
	local close = closing(request_limit)

	local function respond(fd, stream, status, body, fields)
		local ok, message = httpd.write_response(stream.write, status, body, fields)
		if not ok then skynet.error("fd=", fd, tostring(message)) end
		return ok
	end

	-- → whether the connection goes on; whether a request was refused
	local function serve_request(fd, stream)
		local read, status, url, method, header, body, version = pcall(http_internal.read_request, stream.read, body_limit)
		if not read then
			-- `status` is the error then. A peer that has just gone is no news.
			if status ~= sockethelper.socket_error then skynet.error("fd=", fd, tostring(status)) end
			return false, false
		end
		if status ~= 200 then
			local text, fields = refuse(status)
			respond(fd, stream, status, text, connection_field(fields, 1.0, false))
			return false, true
		end
		local ok, text, code, fields = pcall(answer, method, url, header, body)
		if not ok then
			skynet.error(printable(tostring(text)))
			code = 500
			text, fields = failed(text)
		end
		if method == "HEAD" then text, fields = nil, length_field(fields, text) end
		local more = conf.keepalive and wants_more(version, header) or false
		if conf.keepalive then fields = connection_field(fields, version, more) end
		return respond(fd, stream, code or 200, text, fields) and more, false
	end

	local function serve_stream(fd, stream)
		local more, refused
		repeat
			open_requests:add(fd)
			more, refused = serve_request(fd, stream)
		until not more
		if refused then
			stream.finish()
			drain(fd)
		end
	end

	return function(fd)
		if not socket.start(fd) then return end -- it has gone
		local held = {}
		local function finish()
			killed.release(held)
			open_requests:remove(fd)
			close(fd)
		end
		killed.hold(held, function() skynet.fork(finish) end)
		socket.sendlimit(fd, send_limit)
		open_requests:add(fd)
		local ok, message = pcall(function()
			local stream = open(fd)
			local served, why = pcall(serve_stream, fd, stream)
			stream.close()
			if not served then error(why, 0) end
		end)
		finish()
		if not ok then skynet.error("fd=", fd, tostring(message)) end
	end
end
