--- The client's side of HTTP/1, over TCP and TLS.
---
--- By default each request has a connection of its own. With `httpc.keepalive` set, connections whose
--- response ended cleanly are kept for requests to the same scheme, host and port.
local skynet = require "skynet"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local engine = require "skynet.engine"
local dns = require "skynet.dns"
local killed = require "skynet.killed"
local framing = require "http.framing"
local internal = require "http.internal"
local sockethelper = require "http.sockethelper"

---@class http.httpc
---@field timeout? integer    cs for connecting, and again for all the rest; nil: none. Not for the body of a stream
---@field keepalive? integer  cs that an unused connection is kept; nil: none is
---@field keepalive_max integer  unused connections kept for one scheme, host and port
---@field tls_context? any    the context of https connections; nil: one that verifies nobody is made
local httpc = {
	keepalive_max = 8,
}

local DEFAULT_PORT = { http = 80, https = 443 }

-- May be sent again when a kept connection turns out to be dead.
local IDEMPOTENT = { GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true, TRACE = true }

local resolve_names = false

--- From now on names are resolved by skynet.dns.
---@param server? string  address of the name server; nil: that of the system
---@param port? integer
function httpc.dns(server, port)
	resolve_names = true
	if server then dns.server(server, port) end
end

---@class http.httpc.target
---@field scheme string
---@field host string   as given, without scheme
---@field name string   the host without port
---@field port integer

---@return http.httpc.target
local function parse_host(text)
	local scheme, host = text:match "^([^:/]+)://(.*)$"
	if scheme then
		scheme = scheme:lower()
		if not DEFAULT_PORT[scheme] then error("Invalid protocol: " .. scheme, 0) end
	else
		scheme, host = "http", text
	end
	local name, port = host:match "^%[([^%]]*)%]:?(%d*)$"
	if not name then
		if host:find ":.*:" then error("Invalid host: bare IPv6 address " .. host, 0) end
		name, port = host:match "^([^:]*):?(%d*)$"
		if not name then error("Invalid host: " .. host, 0) end
	end
	return { scheme = scheme, host = host, name = name, port = tonumber(port) or DEFAULT_PORT[scheme] }
end

-- ---- connections ------------------------------------------------------------------------------

---@class http.httpc.connection : http.interface
---@field id integer
---@field key string
---@field tls? any
---@field context? any          httpc.tls_context when it was made
---@field kept_until? integer

local function is_address(name)
	return name:find ":" ~= nil or name:find "^[%d.]+$" ~= nil
end

local function start_tls(connection, target)
	-- only a program that uses https needs the TLS module
	local tlshelper = require "http.tlshelper"
	local id = connection.id
	httpc.tls_context = httpc.tls_context or tlshelper.newctx()
	local tls = tlshelper.newtls("client", httpc.tls_context, target.name)
	connection.tls, connection.context = tls, httpc.tls_context
	connection.read = tlshelper.readfunc(id, tls)
	connection.write = tlshelper.writefunc(id, tls)
	connection.readall = tlshelper.readallfunc(id, tls)
	tlshelper.init_requestfunc(id, tls)()
end

local function close(connection)
	killed.release(connection)
	local id, tls = connection.id, connection.tls
	if tls then
		require "http.tlshelper".shutdown(id, tls)
		tls:close()
	end
	socket.close(id)
end

-- Until close() or keep(): when the task that uses the connection is killed, it is closed.
local function hold(connection)
	killed.hold(connection, function() skynet.fork(close, connection) end)
end

-- Cuts the connection after `timeout`; → the function that calls it off.
local function start_clock(id, timeout)
	local running = true
	skynet.timeout(timeout, function()
		if running then socket.shutdown(id) end
	end)
	return function() running = false end
end

local function nothing() end

-- → connection, and the function that stops its clock
local function connect(target, timeout)
	local name = target.name
	if resolve_names and not is_address(name) then
		local address, reason = dns.resolve(name)
		if not address then error("httpc: " .. name .. ": " .. tostring(reason), 0) end
		name = address
	end
	local id = sockethelper.connect(name, target.port, timeout)
	local stop_clock = timeout and start_clock(id, timeout) or nothing
	local connection = { id = id, key = target.scheme .. "://" .. target.name .. ":" .. target.port }
	hold(connection)
	if target.scheme == "https" then
		local ok, err = pcall(start_tls, connection, target)
		if not ok then
			stop_clock()
			close(connection)
			error(err, 0)
		end
	else
		connection.read = sockethelper.readfunc(id)
		connection.write = sockethelper.writefunc(id)
		connection.readall = function() return sockethelper.readall(id) end
	end
	return connection, stop_clock
end

-- ---- connections kept for later ---------------------------------------------------------------

local SWEEP = 100           -- cs between two looks at them
local LARGE_CONTENT = 16384 -- bytes of a request; less is with the kernel at once
local kept = {}   -- key → list of connections, the one used last at the end
local sweeping = false

-- Alive, without a byte that nobody has asked for, and made with today's tls_context.
local function fit_for_use(connection)
	if socket.disconnected(connection.id) ~= false then return false end
	if connection.tls and connection.context ~= httpc.tls_context then return false end
	local ok, holds = pcall(internal.holds, connection.read)
	return ok and not holds
end

-- Whether no byte of a request still waits to be sent: a server may have answered without reading it.
local function is_all_sent(id)
	for _, info in ipairs(driver.info()) do
		if info.id == id then return (info.wbuffer or 0) == 0 end
	end
	return false
end

local function sweep()
	local now, left = skynet.now(), false
	for key, list in pairs(kept) do
		local live = {}
		for _, connection in ipairs(list) do
			if connection.kept_until > now and fit_for_use(connection) then
				live[#live + 1] = connection
			else
				skynet.fork(close, connection)
			end
		end
		kept[key] = live[1] and live or nil
		left = left or live[1] ~= nil
	end
	sweeping = left
	if left then skynet.timeout(SWEEP, sweep) end
end

-- Whether the answer has left the connection in step, and both sides will go on with it. `header` is the request's,
-- `fields` the answer's.
local function reusable(connection, header, fields, content)
	if not httpc.keepalive or not connection.clean then return false end
	if header and framing.connection_says(header, "close") then return false end
	if framing.connection_says(fields, "close") then return false end
	if connection.version < 1.1 and not framing.connection_says(fields, "keep-alive") then return false end
	return not content or #content < LARGE_CONTENT or is_all_sent(connection.id)
end

local function keep(connection)
	if socket.disconnected(connection.id) ~= false then return close(connection) end
	local list = kept[connection.key] or {}
	if #list >= httpc.keepalive_max then return close(connection) end
	killed.release(connection)
	kept[connection.key] = list
	list[#list + 1] = connection
	connection.kept_until = skynet.now() + httpc.keepalive
	if not sweeping then
		sweeping = true
		skynet.timeout(SWEEP, sweep)
	end
end

local function take_kept(target)
	local key = target.scheme .. "://" .. target.name .. ":" .. target.port
	local list = kept[key]
	while list and list[1] do
		local connection = table.remove(list)
		if fit_for_use(connection) then
			hold(connection)
			return connection
		end
		skynet.fork(close, connection)
	end
end

-- ---- requests ---------------------------------------------------------------------------------

local function exchange(connection, method, target, url, recvheader, header, content)
	local code, rest, fields = internal.request(connection, method, target.host, url, recvheader, header, content)
	return code, internal.response(connection, code, rest, fields), fields
end

local function request_over(connection, stop_clock, method, target, url, recvheader, header, content)
	local ok, code, body, fields = pcall(exchange, connection, method, target, url, recvheader, header, content)
	stop_clock()
	if ok and reusable(connection, header, fields, content) then
		keep(connection)
	else
		close(connection)
	end
	return ok, code, body
end

--- Sends a request and reads the whole response. Redirects are not followed.
--- Raises sockethelper.socket_error (by ==) when the connection fails, else a text.
---@async
---@param method string
---@param host string  `[http://|https://]name[:port]`, an IPv6 address in brackets
---@param url string   path and query
---@param recvheader? table  to be filled with the response's header, names in lower case
---@param header? table  fields of the request; Host is added to it
---@param content? string  with header["transfer-encoding"] = "chunked": in chunks already
---@param timeout? integer  instead of httpc.timeout
---@return integer code
---@return string body
function httpc.request(method, host, url, recvheader, header, content, timeout)
	local target = parse_host(host)
	timeout = timeout or httpc.timeout
	local connection = httpc.keepalive and take_kept(target)
	if connection then
		local stop_clock = timeout and start_clock(connection.id, timeout) or nothing
		local ok, code, body = request_over(connection, stop_clock, method, target, url, recvheader, header, content)
		if ok then return code, body end
		-- The other side may have closed it in the same moment.
		if connection.begun or not IDEMPOTENT[method] or code ~= sockethelper.socket_error then error(code, 0) end
	end
	local stop_clock
	connection, stop_clock = connect(target, timeout)
	local ok, code, body = request_over(connection, stop_clock, method, target, url, recvheader, header, content)
	if not ok then error(code, 0) end
	return code, body
end

---@async
---@return integer code
---@return string body
function httpc.get(host, url, recvheader, header, content)
	return httpc.request("GET", host, url, recvheader, header, content)
end

---@async
---@return integer code
function httpc.head(host, url, recvheader, header, content)
	return (httpc.request("HEAD", host, url, recvheader, header, content))
end

local function escape(value)
	return (tostring(engine.written(value)):gsub("[^%w_]", function(c) return string.format("%%%02X", c:byte()) end))
end

--- Sends a form.
---@async
---@param form table<string, any>
---@return integer code
---@return string body
function httpc.post(host, url, form, recvheader)
	local pairs_text = {}
	for key, value in pairs(form) do
		pairs_text[#pairs_text + 1] = escape(key) .. "=" .. escape(value)
	end
	local header = { ["content-type"] = "application/x-www-form-urlencoded" }
	return httpc.request("POST", host, url, recvheader, header, table.concat(pairs_text, "&"))
end

-- Closes the stream when the task that reads is killed, and cuts the connection when a read takes longer than
-- stream.timeout. A read that raises is followed by a close().
local function guard_reads(connection, stream)
	local read, last = connection.read, 0
	connection.read = function(n)
		killed.hold(connection, function() skynet.fork(stream.close, stream) end)
		last = last + 1
		if stream.timeout then
			local mine, id = last, connection.id
			skynet.timeout(stream.timeout, function()
				if last == mine then socket.shutdown(id) end
			end)
		end
		local bytes = read(n)
		last = last + 1
		killed.release(connection)
		return bytes
	end
end

--- Sends a request and gives its response as soon as the head is there: `for part in stream do ... end`.
--- The connection is closed at the end of the body, by stream:close(), or when the stream is collected.
--- `stream.timeout` may be set: cs that any one read of the body may take.
---@async
---@param timeout? integer  instead of httpc.timeout
---@return http.stream
function httpc.request_stream(method, host, url, recvheader, header, content, timeout)
	local target = parse_host(host)
	local connection, stop_clock = connect(target, timeout or httpc.timeout)
	local stream
	local ok, err = pcall(function()
		local code, rest, fields = internal.request(connection, method, target.host, url, recvheader, header, content)
		stream = internal.response_stream(connection, code, rest, fields)
	end)
	stop_clock()
	if not ok then
		close(connection)
		error(err, 0)
	end
	stream.id = connection.id
	-- From here on it is the caller's.
	killed.release(connection)
	guard_reads(connection, stream)
	local id, state = connection.id, { open = true }
	stream.guard = engine.finalizer(function()
		if state.open then
			state.dropped = true
			driver.close(id)
		end
	end)
	socket.onclose(id, function()
		if state.dropped then socket.close(id) end
	end)
	stream.onclose = function()
		state.open = false
		close(connection)
	end
	return stream
end

return httpc
