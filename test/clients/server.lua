-- What the clients of this folder talk to. From the port PORT of the config on:
--   +0 raw echo   +1 http   +2 https   +3 ws   +4 wss   +5 debug console   +6 wsgate   +7 wsgate with TLS
--   +8, +9 wsgate without and with TLS for bad peers   +10, +11 the same, but nothing is started
--   +12 the document store
local skynet = require "skynet"
local socket = require "skynet.socket"
local httpd = require "http.httpd"
local urllib = require "http.url"
local sockethelper = require "http.sockethelper"
local tlshelper = require "http.tlshelper"
local websocket = require "http.websocket"
local wsgate = require "skynet.wsgate"

local HOST = "127.0.0.1"
local BODY_LIMIT = 8 * 1024 * 1024

local base = tonumber(skynet.getenv "port")

local function listen(offset, serve)
	local id = socket.listen(HOST, base + offset)
	socket.start(id, serve)
end

-- ---- raw echo ---------------------------------------------------------------------------------

local function echo(id)
	socket.start(id)
	while true do
		local bytes = socket.read(id)
		if not bytes then break end
		socket.write(id, bytes)
	end
	socket.close(id)
end

-- ---- http and https ---------------------------------------------------------------------------

local page = [[<!doctype html><title>page</title><pre id="log"></pre><script>
const log = text => document.getElementById('log').textContent += text + '\n';
const ws = new WebSocket('ws://127.0.0.1:%d/page');
ws.binaryType = 'arraybuffer';
ws.onopen = () => { log('open'); ws.send('hello from the page'); };
let first = true;
ws.onmessage = event => {
	if (first) {
		first = false;
		log('echo ' + (typeof event.data === 'string' ? event.data : new TextDecoder().decode(event.data)));
		ws.send(new Uint8Array(100000).fill(7));
	} else {
		const bytes = new Uint8Array(event.data);
		log('binary ' + bytes.length + ' ' + bytes.every(b => b === 7));
		ws.close(1000, 'done');
	}
};
ws.onclose = event => log('close ' + event.wasClean);
</script>]]

-- What the gates for bad peers have told: connections by event.
local peers = { open = 0, close = 0 }

-- → code, body, header
local function answer(url, method, header, body)
	local path, query = urllib.parse(url)
	if path == "/page" then
		-- the query is the offset of the WebSocket's port
		return 200, page:format(base + tonumber(query)), { ["content-type"] = "text/html; charset=utf-8" }
	elseif path == "/echo" then
		return 200, body
	elseif path == "/length" then
		return 200, tostring(#body)
	elseif path == "/what" then
		return 200, table.concat({ method, path, query, header.host, header["x-test"] or "" }, "\n")
	elseif path == "/chunks" then
		local n = 0
		return 200, function()
			n = n + 1
			if n > 100 then return nil end
			if n % 10 == 0 then skynet.sleep(1) end
			return ("%03d "):format(n):rep(100)
		end
	elseif path == "/peers" then
		return 200, peers.open .. " " .. peers.close
	elseif path == "/big" then
		return 200, ("0123456789"):rep(500000)
	end
	return 404, "nothing at " .. path
end

local function wants_more(header)
	return (header.connection or ""):lower() ~= "close"
end

-- A peer that is refused may still be sending. Closing on bytes that nobody has read resets the connection, and the
-- reset may overtake the answer; so what comes is thrown away until the peer has done, for a second at most.
local function drain(id)
	local open = true
	skynet.timeout(100, function()
		if open then socket.close(id) end
	end)
	while socket.read(id) do end
	open = false
end

-- True if the last request was refused.
local function serve_requests(read, write)
	while true do
		local code, url, method, header, body = httpd.read_request(read, BODY_LIMIT)
		if not code then return false end
		if code ~= 200 then return httpd.write_response(write, code, "refused") end
		local status, text, fields = answer(url, method, header, body)
		if not httpd.write_response(write, status, text, fields) or not wants_more(header) then return false end
	end
end

local function http(id)
	socket.start(id)
	if serve_requests(sockethelper.readfunc(id), sockethelper.writefunc(id)) then drain(id) end
	socket.close(id)
end

local context

local function https(id)
	socket.start(id)
	local tls = tlshelper.newtls("server", context)
	pcall(function()
		tlshelper.init_responsefunc(id, tls)()
		local refused = serve_requests(tlshelper.readfunc(id, tls), tlshelper.writefunc(id, tls))
		tlshelper.shutdown(id, tls)
		if refused then drain(id) end
	end)
	tlshelper.closefunc(tls)()
	socket.close(id)
end

-- ---- ws and wss -------------------------------------------------------------------------------

local handle = {}

function handle.message(id, data, kind)
	if data == "ping me" then
		websocket.ping(id)
	elseif data == "close me" then
		websocket.close(id, 4001, "as you say")
	else
		websocket.write(id, data, kind)
	end
end

function handle.pong(id)
	websocket.write(id, "ponged")
end

local function ws(protocol)
	return function(id, address)
		local ok, err = websocket.accept(id, handle, protocol, address)
		if not ok then skynet.error("websocket:", err) end
	end
end

-- ---- wsgate -------------------------------------------------------------------------------------

-- Of a gate for bad peers: whether its connections are started; nil: another gate.
local for_peers = {}

local function count(event, gate)
	if for_peers[gate] ~= nil then peers[event] = peers[event] + 1 end
end

local function flood(gate, id)
	local piece = ("x"):rep(60000)
	for _ = 1, 200 do wsgate.send(gate, id, piece) end
end

wsgate.watch {
	open = function(gate, id)
		count("open", gate)
		if for_peers[gate] ~= false then wsgate.start(gate, id) end
	end,
	data = function(gate, id, bytes)
		-- All else may be any bytes, these words among them.
		local floods = bytes == "flood" or bytes == "flood and kick me"
		if floods then flood(gate, id) end
		if bytes == "kick me" or bytes == "flood and kick me" then
			wsgate.kick(gate, id)
		elseif not floods then
			wsgate.send(gate, id, bytes)
		end
	end,
	close = function(gate) count("close", gate) end,
}

local function launch_gate(offset, protocol)
	wsgate.launch {
		protocol = protocol,
		address = HOST,
		port = base + offset,
		deflate = true,
		maxframe = 1024 * 1024,
		sendlimit = 16 * 1024 * 1024,
	}
end

-- They do not ping: nothing but the gate's own care ends these connections.
local function launch_gate_for_peers(offset, protocol, starts)
	local gate = wsgate.launch {
		protocol = protocol,
		address = HOST,
		port = base + offset,
		maxframe = 100000,
		sendlimit = 16 * 1024 * 1024,
		timeout = 8,
		ping = 0,
	}
	for_peers[gate] = starts
end

skynet.start(function()
	context = tlshelper.newctx()
	context:set_cert(skynet.getenv "certfile", skynet.getenv "keyfile")
	listen(0, echo)
	listen(1, http)
	listen(2, https)
	listen(3, ws "ws")
	listen(4, ws "wss")
	launch_gate(6, "ws")
	launch_gate(7, "wss")
	launch_gate_for_peers(8, "ws", true)
	launch_gate_for_peers(9, "wss", true)
	launch_gate_for_peers(10, "ws", false)
	launch_gate_for_peers(11, "wss", false)
	skynet.newservice("debug_console", HOST, base + 5)
	skynet.error "clients may come"
end)
