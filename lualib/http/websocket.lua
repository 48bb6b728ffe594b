--- WebSocket (RFC 6455) over a socket id, for both sides: text and binary messages, no extensions.
local skynet = require "skynet"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local deadlines = require "skynet.deadlines"
local killed = require "skynet.killed"
local crypt = require "skynet.crypt"
local codec = require "skynet.websocket.codec"
local parser = require "skynet.http.parser"
local internal = require "http.internal"
local httpd = require "http.httpd"
local sockethelper = require "http.sockethelper"
local handshake = require "http.websocket_handshake"

local MAX_MESSAGE = 262144 -- bytes that a server takes in one frame or message
local MAX_ANSWER = 64 * 1024 * 1024 -- the same of a client, which has chosen its peer: against a length that is made up
local TOO_LARGE = 1009 -- the code of a close frame
local PONG_LIMIT = 65536 -- bytes that may wait to be sent; beyond it pings get no pong
local HEADER_LIMIT = 8192
local HANDSHAKE_TIME = 6000 -- cs
local OPCODE = { text = codec.TEXT, binary = codec.BINARY }
local TEXT, CLOSE, PING, PONG = codec.TEXT, codec.CLOSE, codec.PING, codec.PONG

---@class http.websocket.object
---@field id integer
---@field addr? string
---@field name? string          of a client: the host that it connected to
---@field decoder skynet.websocket.decoder
---@field max integer           most bytes of a frame or message that comes
---@field tls? any
---@field read? fun(): string   of a TLS session
---@field handle? table         of a server
---@field real_ip? string
---@field mask? boolean         frames sent are masked
---@field tells_all? boolean    every breach of the protocol is answered with a close frame
---@field closed? boolean       close() was called, or a handler has heard of the end
---@field told? boolean         a handler has heard of the end
---@field early? string         bytes that came with the handshake

---@type table<integer, http.websocket.object>
local ws_pool = {}

local websocket = {}

-- ---- frames -----------------------------------------------------------------------------------

local function random_key()
	local a, b, c, d = crypt.randomkey():byte(1, 4)
	return ((a * 256 + b) * 256 + c) * 256 + d
end

-- One frame is one write.
local function send_frame(ws, opcode, payload, key)
	if key == nil and ws.mask then key = random_key() end
	local id = ws.id
	local sent
	if ws.tls then
		sent = socket.write(id, ws.tls:write(codec.frame(opcode, payload, key)))
	else
		sent = driver.send(id, codec.pack(opcode, payload, key))
	end
	if not sent then sockethelper.raise("write failed fd = " .. id) end
end

-- A peer that sends pings and does not read would make the queue grow for ever; RFC 6455 5.5.3 lets pongs be left out.
local function send_pong(ws, payload)
	if driver.unsent(ws.id) <= PONG_LIMIT then send_frame(ws, PONG, payload) end
end

-- The bound of what a peer may send: what the caller has given, the config's `websocket_max`, or `default`; and whether
-- anybody has said so.
local function most_bytes(given, default)
	local max = given or skynet.getenv "websocket_max"
	if not max then return default, false end
	local bytes = tonumber(max)
	if not bytes or bytes < 0 or bytes % 1 ~= 0 then
		error(string.format("websocket: %s is no number of bytes", given and "max" or "the config's websocket_max"), 3)
	end
	return bytes, true
end

-- What the peer must keep to. `strict`: true, all of RFC 6455; nil, the same, but frames may be masked or not (skynet's
-- clients do not mask); false, as little as skynet asks. The config's `websocket_strict` is the default.
local function new_decoder(max, strict, masked)
	if strict == nil then
		local configured = skynet.getenv "websocket_strict"
		if configured then strict = configured == "true" end
	end
	if strict then return codec.decoder(max, masked) end
	return codec.decoder(max, strict == nil and "any_mask" or "lenient")
end

local function close_payload(code, reason)
	if not code then return nil end
	return string.char(math.floor(code / 256) % 256, code % 256) .. (reason or "")
end

-- Blocks. → opcode and payload of the next message or control frame; nil: the stream has ended; false and the
-- reason: the peer broke the protocol. It has been told, unless it is a breach that skynet sees, too: skynet's servers
-- end in silence, and programs may rely on that.
local function next_frame(ws)
	local decoder, read, id = ws.decoder, ws.read, ws.id
	local opcode, payload, code
	if ws.early then
		opcode, payload, code = decoder:feed(ws.early)
		ws.early = nil
	else
		opcode, payload, code = decoder:next()
	end
	while opcode == nil do
		local bytes
		if read then
			local ok
			ok, bytes = pcall(read)
			if not ok then
				if bytes ~= sockethelper.socket_error then return false, bytes end
				return nil, bytes
			end
		else
			if socket.invalid(id) then return nil end
			bytes = socket.read(id)
			if not bytes then return nil end
		end
		opcode, payload, code = decoder:feed(bytes)
	end
	if code and (ws.tells_all or not (code == TOO_LARGE or payload:find "^invalid opcode")) then
		pcall(send_frame, ws, CLOSE, close_payload(code))
	end
	if code == TOO_LARGE then payload = string.format("%s: above %d bytes, the max of this side", payload, ws.max) end
	return opcode, payload
end

local function end_stream(ws)
	local id = ws.id
	if ws.tls and not socket.invalid(id) then require "http.tlshelper".shutdown(id, ws.tls) end
	socket.close(id)
end

local function release(ws)
	killed.release(ws)
	if ws_pool[ws.id] == ws then ws_pool[ws.id] = nil end
	end_stream(ws)
	if ws.tls then
		ws.tls:close()
		ws.tls = nil
	end
end

-- ---- TLS --------------------------------------------------------------------------------------

local server_context, client_context

local function use_tls(ws, role)
	local tlshelper = require "http.tlshelper"
	local context, init
	if role == "server" then
		if not server_context then
			local ctx = tlshelper.newctx()
			ctx:set_cert(skynet.getenv "certfile" or "./server-cert.pem", skynet.getenv "keyfile" or "./server-key.pem")
			server_context = ctx
		end
		context, init = server_context, tlshelper.init_responsefunc
	else
		client_context = client_context or tlshelper.newctx()
		context, init = client_context, tlshelper.init_requestfunc
	end
	ws.tls = tlshelper.newtls(role, context, ws.name)
	ws.read = tlshelper.readfunc(ws.id, ws.tls)
	init(ws.id, ws.tls)()
end

-- ---- the server's handshake -------------------------------------------------------------------

-- Reads the client's request. → method, url, version, header; or nil and a status; bytes after it go to the decoder
local function read_request(ws, read)
	local bytes = read()
	while true do
		local method, url, version, header, next = parser.request(bytes, HEADER_LIMIT)
		if method then
			ws.early = bytes:sub(next)
			return method, url, version, header
		end
		if method == false then
			if url == "limit" then return nil, 413 end
			error("Invalid HTTP request line", 0)
		end
		bytes = bytes .. read()
	end
end

-- → the header and url of an accepted request; nil after a refusal
local function server_handshake(ws, options)
	local read, write = ws.read or sockethelper.readfunc(ws.id), sockethelper.writefunc(ws.id)
	if ws.tls then
		local tlshelper = require "http.tlshelper"
		write = tlshelper.writefunc(ws.id, ws.tls)
	end
	local upgrade = options.upgrade
	local method, url, version, header
	if upgrade then
		method, url, version, header = upgrade.method, upgrade.url, 1.1, upgrade.header
	else
		method, url, version, header = read_request(ws, read)
	end
	local answer, status, body
	if method then
		answer, status, body = handshake.answer(method, version, header, options)
	else
		status = url
	end
	if not answer then
		httpd.write_response(write, status, body)
		return nil
	end
	write(answer)
	return header, url
end

-- ---- serving ----------------------------------------------------------------------------------

local function call(ws, name, ...)
	local f = ws.handle[name]
	if f then f(ws.id, ...) end
end

-- The end of a session that broke no rule: exactly one of the two handlers hears of it.
local function finish(ws, how, ...)
	ws.closed, ws.told = true, true
	call(ws, how, ...)
	return true
end

local function peer_closes(ws, payload)
	pcall(send_frame, ws, CLOSE) -- fails when it has not waited for the answer
	if #payload < 2 then return finish(ws, "close") end
	local high, low = payload:byte(1, 2)
	return finish(ws, "close", high * 256 + low, payload:sub(3))
end

-- → true, or false and the breach
local function serve_frames(ws)
	local handle, id = ws.handle, ws.id
	while true do
		local opcode, payload = next_frame(ws)
		if ws.closed then return finish(ws, "close") end
		if not opcode then
			if opcode == false then return false, payload end
			return finish(ws, "error", payload or sockethelper.new_error("read failed fd = " .. id))
		elseif opcode == PING then
			send_pong(ws, payload)
			call(ws, "ping")
		elseif opcode == PONG then
			call(ws, "pong")
		elseif opcode == CLOSE then
			return peer_closes(ws, payload)
		elseif handle.message then
			handle.message(id, payload, opcode == TEXT and "text" or "binary")
		end
		if ws.closed then return finish(ws, "close") end
	end
end

local handshakes = deadlines(HANDSHAKE_TIME, function(ws) socket.shutdown(ws.id) end)

local function serve(ws, protocol, options)
	call(ws, "connect")
	if ws.closed then return finish(ws, "close") end
	handshakes:add(ws, options.handshake_time)
	if protocol == "wss" then use_tls(ws, "server") end
	local header, url = server_handshake(ws, options)
	handshakes:remove(ws)
	if ws.closed or not header then return finish(ws, "close") end
	ws.real_ip = handshake.field(header, "x-real-ip")
	call(ws, "handshake", header, url)
	if ws.closed then return finish(ws, "close") end
	return serve_frames(ws)
end

-- The end of a session whose task was killed.
local function end_session(ws)
	handshakes:remove(ws)
	local ok, err = true, nil
	if not ws.told then ok, err = pcall(finish, ws, "close") end
	release(ws)
	if not ok then error(err, 0) end
end

local function with_traceback(err)
	return type(err) == "string" and debug.traceback(err, 2) or err
end

--- Serves one connection until it ends; the id is closed then.
---
--- `handle` may have: connect(id), handshake(id, header, url), message(id, data, "text"|"binary"), ping(id), pong(id),
--- close(id [, code, reason]), error(id, err), warning(ws, kbytes). Exactly one of close and error is called at the
--- end, unless the peer broke the protocol or a handler raised.
---@async
---@param id integer
---@param handle table
---@param protocol? "ws"|"wss"  default "ws"
---@param addr? string  of the peer, for addrinfo()
---@param options? {upgrade?: table, protocols?: string[], handshake_time?: integer, max?: integer, strict?: boolean, sendlimit?: integer,
---               origins?: string[]}
---               upgrade: { header =, method =, url = } of a request that httpd.read_request gave for this id;
---               protocols: the sub-protocols known, default { "chat" };
---               handshake_time: cs that the client may take for its handshake, default 6000;
---               max: bytes of a frame or message, default the config's `websocket_max`, or 262144;
---               origins: of web pages that are served, such as "https://game.example.org"; default all;
---               sendlimit: bytes that may wait for a client that does not read, default any number; beyond it the
---               connection is cut, and handle.error called;
---               strict: true, clients must mask; false, as little is checked as by skynet
---@return boolean ok
---@return any err  when the id could not be started, a handler raised, or the peer broke the protocol
function websocket.accept(id, handle, protocol, addr, options)
	protocol, options = protocol or "ws", options or {}
	if protocol ~= "ws" and protocol ~= "wss" then error("invalid websocket protocol:" .. tostring(protocol), 2) end
	local max, is_chosen = most_bytes(options.max, MAX_MESSAGE)
	if not options.upgrade then
		local started, reason = socket.start(id)
		if not started then
			socket.close_fd(id)
			return false, reason
		end
	end
	-- A frame is a whole write: waiting for more to send with it would only delay it.
	driver.nodelay(id)
	if options.sendlimit then driver.sendlimit(id, options.sendlimit) end
	local strict = options.strict
	local ws = { id = id, addr = addr, handle = handle, max = max, tells_all = is_chosen or strict }
	ws.decoder = new_decoder(max, strict, "masked")
	ws_pool[id] = ws
	if handle.warning and not socket.invalid(id) then
		socket.warning(id, function(_, kbytes) handle.warning(ws, kbytes) end)
	end
	killed.hold(ws, function() skynet.fork(end_session, ws) end)
	local ok, good, err = xpcall(serve, with_traceback, ws, protocol, options)
	handshakes:remove(ws)
	if not ok then
		good, err = false, good
		if err == sockethelper.socket_error and not ws.told then
			-- the peer has vanished, or close() was called, while a handler or the handshake wrote or read
			if ws.closed then
				ok, good, err = xpcall(finish, with_traceback, ws, "close")
			else
				ok, good, err = xpcall(finish, with_traceback, ws, "error", err)
			end
			if not ok then good, err = false, good end
		end
	end
	release(ws)
	if good then return true end
	return false, err
end

-- ---- the client -------------------------------------------------------------------------------

local RESERVED = {
	["upgrade"] = true, ["connection"] = true, ["sec-websocket-version"] = true, ["sec-websocket-key"] = true,
}

---@return table header of the handshake
local function client_header(ws, key, extra)
	local header = {
		Host = ws.name,
		Upgrade = "websocket",
		Connection = "Upgrade",
		["Sec-WebSocket-Version"] = "13",
		["Sec-WebSocket-Key"] = key,
	}
	for name, value in pairs(extra or {}) do
		if RESERVED[name:lower()] then error("websocket: the header field " .. name .. " is not the caller's", 0) end
		if name:lower() == "host" then name = "Host" end
		header[name] = value
	end
	return header
end

local function client_handshake(ws, url, extra)
	local key = crypt.base64encode(crypt.randomkey() .. crypt.randomkey())
	local header = client_header(ws, key, extra)
	local interface
	if ws.tls then
		local tlshelper = require "http.tlshelper"
		interface = { read = ws.read, write = tlshelper.writefunc(ws.id, ws.tls) }
	else
		interface = { read = sockethelper.readfunc(ws.id), write = sockethelper.writefunc(ws.id) }
	end
	local code, rest, answer = internal.request(interface, "GET", ws.name, url, nil, header)
	if code ~= 101 then error(string.format("websocket handshake error: code[%d] info:%s", code, rest), 0) end
	if (handshake.field(answer, "upgrade") or ""):lower() ~= "websocket" then
		error("websocket handshake upgrade must websocket", 0)
	end
	if not (handshake.field(answer, "connection") or ""):lower():find("upgrade", 1, true) then
		error("websocket handshake connection must upgrade", 0)
	end
	local accept = handshake.field(answer, "sec-websocket-accept")
	if not accept then error("websocket handshake need Sec-WebSocket-Accept", 0) end
	if accept ~= handshake.accept_value(key) then error("websocket handshake invalid Sec-WebSocket-Accept", 0) end
	if answer["sec-websocket-extensions"] then error("websocket handshake: extensions are not supported", 0) end
	ws.early = rest
end

-- → protocol, host[:port], name, port, path
local function parse_url(url)
	local protocol, address, path = url:match "^(%a+)://([^/?#]+)([^#]*)"
	if protocol ~= "ws" and protocol ~= "wss" then error("invalid protocol: " .. (protocol or url), 0) end
	local name, port = address:match "^%[([^%]]*)%]:?(%d*)$"
	if not name then name, port = address:match "^([^:]+):?(%d*)$" end
	if not name then error("invalid address: " .. address, 0) end
	if path:sub(1, 1) ~= "/" then path = "/" .. path end
	return protocol, address, name, tonumber(port) or (protocol == "wss" and 443 or 80), path
end

--- Connects. Raises sockethelper.socket_error (by ==) for a failed connection, texts for bad urls and answers.
---@async
---@param url string  `ws://host[:port][/path]` or `wss://`
---@param header? table<string, string>  further fields
---@param timeout? integer  cs, for connecting and again for the handshake
---@param options? {max?: integer, mask?: boolean, strict?: boolean}
---               max: bytes of a frame or message, default the config's `websocket_max`, or 64 MB;
---               mask: every frame is masked with a random key, as RFC 6455 asks of clients;
---               strict: true, the server must not mask; false, as little is checked as by skynet
---@return integer id
function websocket.connect(url, header, timeout, options)
	local protocol, address, name, port, path = parse_url(url)
	options = options or {}
	local max = most_bytes(options.max, MAX_ANSWER)
	local id = sockethelper.connect(name, port, timeout)
	driver.nodelay(id)
	local ws = { id = id, addr = address, name = name, mask = options.mask, max = max, tells_all = true }
	ws.decoder = new_decoder(max, options.strict, "unmasked")
	ws_pool[id] = ws
	killed.hold(ws, function() skynet.fork(release, ws) end)
	local shaking = true
	if timeout then
		skynet.timeout(timeout, function()
			if shaking then socket.shutdown(id) end
		end)
	end
	local ok, err = pcall(function()
		if protocol == "wss" then use_tls(ws, "client") end
		client_handshake(ws, path, header)
	end)
	shaking = false
	if not ok then
		release(ws)
		error(err, 0)
	end
	-- From here on it is the caller's.
	killed.release(ws)
	return id
end

--- The next message of a client. Pings are answered, pongs skipped; a close frame is answered and closes the id.
--- Raises sockethelper.socket_error (by ==) when the stream ends, a text when the peer breaks the protocol.
---@async
---@param id integer
---@return string|false data  false: the peer closed
---@return string? payload  of its close frame
function websocket.read(id)
	local ws = assert(ws_pool[id])
	while true do
		local opcode, payload = next_frame(ws)
		if opcode == PING then
			send_pong(ws, payload)
		elseif opcode == CLOSE then
			pcall(send_frame, ws, CLOSE)
			ws.closed = true
			release(ws)
			return false, payload
		elseif not opcode then
			if opcode == false then
				release(ws)
				error(payload, 0)
			end
			sockethelper.raise("read failed fd = " .. id)
		elseif opcode ~= PONG then
			return payload
		end
	end
end

--- Sends a message, in one frame.
---@param id integer
---@param data string
---@param fmt? "text"|"binary"  default "text"
---@param masking_key? integer  4 bytes, the first the highest; nil: not masked
function websocket.write(id, data, fmt, masking_key)
	local ws = assert(ws_pool[id])
	send_frame(ws, assert(OPCODE[fmt or "text"]), data, masking_key)
end

--- Sends an empty ping.
---@param id integer
function websocket.ping(id)
	send_frame(assert(ws_pool[id]), PING)
end

--- Sends a close frame and closes. Unknown id: nothing.
---@async
---@param id integer
---@param code? integer
---@param reason? string
function websocket.close(id, code, reason)
	local ws = ws_pool[id]
	if not ws or ws.closed then return end
	ws.closed = true
	-- a peer that is gone needs no close frame
	pcall(send_frame, ws, CLOSE, close_payload(code, reason))
	if ws.handle then
		-- accept() releases the rest, after its handler has heard of it
		ws_pool[id] = nil
		end_stream(ws)
	else
		release(ws)
	end
end

--- accept(): the address given; connect(): `host[:port]` of the url.
---@param id integer
---@return string?
function websocket.addrinfo(id)
	return assert(ws_pool[id]).addr
end

--- accept(): the field x-real-ip of the request.
---@param id integer
---@return string?
function websocket.real_ip(id)
	return assert(ws_pool[id]).real_ip
end

--- True when the id is not an open websocket of this service.
---@param id integer
---@return boolean
function websocket.is_close(id)
	return ws_pool[id] == nil
end

return websocket
