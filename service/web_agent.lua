-- Answers web requests, one for each connection. `web_agent PROTOCOL`, with PROTOCOL "http" or "https"; then each lua
-- message is the fd of a connection to serve.
local skynet = require "skynet"
local deadlines = require "skynet.deadlines"
local printable = require "printable"
local httpd = require "http.httpd"
local router = require "router"
local socket = require "skynet.socket"
local sockethelper = require "http.sockethelper"
local urls = require "http.url"
local web_router = require "web_router"

local protocol = ... or "http"

local BODY_LIMIT = 8192 -- bytes
local REQUEST_LIMIT = 3000 -- 1/100 s in which a request must have come and the answer gone
local LOGGED_BYTES = 256 -- so much of an answer is shown in the log
local NOT_FOUND, SERVER_ERROR = "404 Not found", "500 Internal Server Error"

local routes = router.new()
web_router(routes)

routes:get("/hello", function() return "someone said hello" end)

routes:get("/hello/:name", function(params) return "hello, " .. params.name end)

routes:post("/app/:id/comments", function(params)
	return "comment " .. params.comment .. " created on app " .. params.id
end)

-- The body and the status of an answer.
local function answer(method, url, header, body)
	local path, query = urls.parse(url)
	local params = urls.parse_query(query)
	local handler, merged = routes:resolve(method, path, params, { header = header, body = body })
	if not handler then return NOT_FOUND, 404 end
	local result, status = handler(merged)
	return result, status or 200
end

-- ---- the two ways to read and write -----------------------------------------------------------

local function open_http(fd)
	return {
		read = sockethelper.readfunc(fd),
		write = sockethelper.writefunc(fd),
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
		close = tlshelper.closefunc(tls),
	}
end

local open = protocol == "https" and open_https or open_http

-- ---- one connection ---------------------------------------------------------------------------

local function respond(fd, stream, status, body)
	local ok, message = httpd.write_response(stream.write, status, body)
	if not ok then skynet.error("fd=", fd, tostring(message)) end
end

local function serve_stream(fd, stream)
	local status, url, method, header, body = httpd.read_request(stream.read, BODY_LIMIT)
	if not status then
		-- `url` is the error then. A peer that has just gone is no news.
		if url ~= sockethelper.socket_error then skynet.error("fd=", fd, tostring(url)) end
	elseif status ~= 200 then
		respond(fd, stream, status)
	else
		skynet.error(printable(url))
		local ok, result, code = pcall(answer, method, url, header, body)
		if not ok then
			skynet.error(printable(tostring(result)))
			result, code = SERVER_ERROR, 500
		end
		skynet.error(printable(tostring(result):sub(1, LOGGED_BYTES)), code)
		respond(fd, stream, code, result)
	end
end

local open_requests = deadlines(REQUEST_LIMIT, socket.shutdown)

local function serve(fd)
	skynet.error("start id:", fd)
	if not socket.start(fd) then return end -- it has gone
	open_requests:add(fd)
	local ok, message = pcall(function()
		local stream = open(fd)
		local served, why = pcall(serve_stream, fd, stream)
		stream.close()
		if not served then error(why, 0) end
	end)
	open_requests:remove(fd)
	socket.close(fd)
	if not ok then skynet.error("fd=", fd, tostring(message)) end
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, fd)
		serve(fd)
	end)
end)
