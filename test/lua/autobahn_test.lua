-- needs: tls
-- The cases of the Autobahn suite (lib/autobahn.lua), against a server of http.websocket and against wsgate. Both echo.
local skynet = require "skynet"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local websocket = require "http.websocket"
local codec = require "skynet.websocket.codec"
local wsgate = require "skynet.wsgate"
local inflater = require "inflate"
local autobahn = require "autobahn"
local net = require "net"
local T = require "harness"

local LARGEST = 16 * 1024 * 1024
local TEXT, CLOSE = codec.TEXT, codec.CLOSE

-- ---- the servers ----------------------------------------------------------------------------------

local lua_port

local function server_port()
	if lua_port then return lua_port end
	local handle = { message = function(id, data, kind) websocket.write(id, data, kind) end }
	local listener
	listener, _, lua_port = socket.listen(net.host, 0)
	socket.start(listener, function(id)
		websocket.accept(id, handle, "ws", nil, { strict = true, max = LARGEST })
	end)
	return lua_port
end

-- wsgate sends messages of one kind only: there is a gate for each.
local gates, ports = {}, {}

skynet.register_protocol {
	name = "client",
	id = skynet.PTYPE_CLIENT,
	unpack = skynet.tostring,
	dispatch = function(id, gate, bytes)
		skynet.ignoreret()
		wsgate.send(gate, id, bytes)
	end,
}

wsgate.watch {
	listen = function(gate, address) ports[gate] = tonumber(address:match ":(%d+)$") end,
	open = function(gate, id)
		wsgate.forward(gate, id, skynet.self())
		wsgate.start(gate, id)
	end,
}

local function gate_port(opcode)
	if not gates[opcode] then
		gates[opcode] = wsgate.launch {
			address = net.host, text = opcode == TEXT, deflate = true, maxframe = LARGEST, sendlimit = 4 * LARGEST,
		}
	end
	return T.eventually(function() return ports[gates[opcode]] end)
end

-- ---- a client -------------------------------------------------------------------------------------

local function connect(port, extra)
	local id, answer = net.websocket(port, "/", extra)
	T.ok(answer and answer:find(" 101 ", 1, true), tostring(answer))
	driver.nodelay(id)
	local client = { id = id, answer = answer, decoder = codec.decoder(nil, "unmasked") }
	-- The next frame: opcode, payload; nil: the stream has ended.
	function client.next()
		local opcode, payload = client.decoder:next()
		while opcode == nil do
			local more = socket.read(id)
			if not more then return nil end
			opcode, payload = client.decoder:feed(more)
		end
		return opcode, payload
	end
	return client
end

local function send(id, bytes, chop)
	for at = 1, #bytes, chop or math.max(1, #bytes) do
		socket.write(id, bytes:sub(at, at + (chop or #bytes) - 1))
		-- each piece is a packet of its own
		if chop then skynet.yield() end
	end
end

-- Long payloads are compared, not shown.
local function same(got_opcode, got, opcode, payload, what)
	T.eq(got_opcode, opcode, what)
	if got ~= payload then T.eq(got:sub(1, 80) .. " of " .. #got, payload:sub(1, 80) .. " of " .. #payload, what) end
end

-- The end of the stream, behind a close frame.
local function see_end_after(client, opcode, payload, code, what)
	T.eq(opcode, CLOSE, what)
	if code == 1000 then
		-- the answer to ours: empty, or a code of ours
		T.ok(payload == "" or #payload >= 2, what)
	else
		T.eq(#payload >= 2 and payload:byte(1) * 256 + payload:byte(2), code, what)
	end
	T.eq(client.next(), nil, what)
end

-- The close frame, and the end.
local function see_end(client, code, what)
	local opcode, payload = client.next()
	see_end_after(client, opcode, payload, code, what)
end

local function run(case)
	local what = "case " .. case.number
	local client = connect(server_port())
	skynet.fork(send, client.id, case.send, case.chop)
	for _, one in ipairs(case.back) do
		local opcode, payload = client.next()
		same(opcode, payload, one[1], one[2], what)
	end
	if not case.ends then socket.write(client.id, autobahn.close(1000)) end
	see_end(client, case.ends or 1000, what)
	socket.close(client.id)
end

-- Messages are echoed by an agent, control frames by the gate: each kind has an order of its own. Empty messages are not
-- passed on. When the peer ends, or must be ended, that does not wait for an agent: echoes may be missing then.
local function run_on_gate(case)
	local what = "case " .. case.number .. " on wsgate"
	local messages, controls = {}, {}
	for _, one in ipairs(case.back) do
		if one[1] >= CLOSE then
			controls[#controls + 1] = one
		elseif one[2] ~= "" then
			messages[#messages + 1] = one
		end
	end
	local client = connect(gate_port(messages[1] and messages[1][1] or codec.BINARY))
	skynet.fork(send, client.id, case.send, case.chop)
	local opcode, payload
	local m, c = 0, 0
	while case.ends or m < #messages or c < #controls do
		opcode, payload = client.next()
		if opcode == nil or opcode == CLOSE then break end
		local want
		if opcode > CLOSE then
			c = c + 1
			want = controls[c]
		else
			m = m + 1
			want = messages[m]
		end
		T.ok(want, what .. ": more than was asked for")
		same(opcode, payload, want[1], want[2], what)
	end
	T.eq(c, #controls, what)
	if case.ends then
		see_end_after(client, opcode, payload, case.ends, what)
	else
		T.eq(m, #messages, what)
		socket.write(client.id, autobahn.close(1000))
		see_end(client, 1000, what)
	end
	socket.close(client.id)
end

for _, case in ipairs(autobahn.cases) do
	T.test(("case %s of Autobahn"):format(case.number), function() run(case) end)
	T.test(("case %s of Autobahn on wsgate"):format(case.number), function() run_on_gate(case) end)
end

-- ---- cases 12 and 13: permessage-deflate, on which only wsgate agrees -------------------------------

local DEFLATE = "permessage-deflate"
local OFFERS = {
	["12.1"] = DEFLATE,
	["12.2"] = DEFLATE .. "; client_max_window_bits",
	["12.3"] = DEFLATE .. "; client_no_context_takeover",
	["12.4"] = DEFLATE .. "; server_no_context_takeover",
	["12.5"] = DEFLATE .. "; server_no_context_takeover; client_max_window_bits",
	["13.1"] = DEFLATE .. "; client_max_window_bits",
	["13.2"] = DEFLATE .. "; server_no_context_takeover; client_max_window_bits",
	["13.3"] = DEFLATE .. "; server_max_window_bits=9; client_max_window_bits",
	["13.4"] = DEFLATE .. "; server_max_window_bits=15; client_max_window_bits",
	["13.5"] = DEFLATE .. "; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits",
	["13.6"] = DEFLATE .. "; server_no_context_takeover; server_max_window_bits=15; client_max_window_bits",
	["13.7"] = DEFLATE .. "; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits, " .. DEFLATE
		.. "; server_no_context_takeover; client_max_window_bits, " .. DEFLATE .. "; client_max_window_bits",
}

for number, offer in pairs(OFFERS) do
	T.test(("cases %s.* of Autobahn: the offer is declined, compressed frames are refused"):format(number), function()
		local client = connect(server_port(), "Sec-WebSocket-Extensions: " .. offer .. "\r\n")
		T.eq(client.answer:lower():find("extensions", 1, true), nil)
		for _, size in ipairs { 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072 } do
			local text = ("x"):rep(size)
			socket.write(client.id, autobahn.fragments(TEXT, text, size > 8192 and 256 or size))
			local opcode, payload = client.next()
			same(opcode, payload, TEXT, text, number)
		end
		socket.write(client.id, autobahn.frame(TEXT, "\242\72\205\201\201\7\0", 4))
		see_end(client, 1002, number)
		socket.close(client.id)
	end)
end

-- Deflate without compressing: stored blocks, then the octet that a flush leaves of its own.
local function stored(text)
	local out = {}
	for at = 1, #text, 65535 do
		local piece = text:sub(at, at + 65534)
		local low, high = #piece % 256, math.floor(#piece / 256)
		out[#out + 1] = string.char(0, low, high, 255 - low, 255 - high) .. piece
	end
	return table.concat(out) .. "\0"
end

-- Offers that it does not take are those with a window for the server, and several at once.
local TAKEN = { ["12.1"] = true, ["12.2"] = true, ["12.3"] = true, ["12.4"] = true, ["12.5"] = true, ["13.1"] = true, ["13.2"] = true }

for number, offer in pairs(OFFERS) do
	T.test(("cases %s.* of Autobahn on wsgate: compressed messages, if that was agreed on"):format(number), function()
		local client = connect(gate_port(TEXT), "Sec-WebSocket-Extensions: " .. offer .. "\r\n")
		local agreed = client.answer:lower():match "sec%-websocket%-extensions: ([^\r]+)"
		T.eq(agreed ~= nil, TAKEN[number] or false, number)
		if agreed then
			for _, parameter in ipairs { "server_no_context_takeover", "client_no_context_takeover" } do
				T.eq(agreed:find(parameter, 1, true) ~= nil, offer:find(parameter, 1, true) ~= nil, number)
			end
		end
		-- plain frames of the server go by the decoder; compressed ones it must be told of
		client.decoder = codec.decoder(nil, "lenient")
		local inflate = inflater()
		local payload_of = agreed and inflate or function(payload) return payload end
		for i, size in ipairs { 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072 } do
			local text = ("%d: Sie sprach: \195\132pfel! "):format(i):rep(size):sub(1, size - 1) .. "."
			text = text:gsub("\195%.$", "..")
			local bytes = agreed and stored(text) or text
			-- whole, in fragments of 256 octets, in small packets
			local fragments = autobahn.fragments(TEXT, bytes, i % 2 == 0 and 256 or #bytes)
			if agreed then fragments = string.char(fragments:byte() + 64) .. fragments:sub(2) end
			send(client.id, fragments, i % 3 == 0 and 1024 or nil)
			local opcode, payload = client.next()
			-- messages below 64 octets come as they are
			same(opcode, size < 64 and payload or payload_of(payload), TEXT, text, number .. " with " .. size)
		end
		if agreed then
			socket.write(client.id, autobahn.frame(TEXT, "\255\255\255", 4))
			see_end(client, 1007, number)
		else
			socket.write(client.id, autobahn.frame(TEXT, "\242\72\205\201\201\7\0", 4))
			see_end(client, 1002, number)
		end
		socket.close(client.id)
	end)
end

-- ---- beyond the suite -----------------------------------------------------------------------------

for name, port in pairs { ["a server that is strict"] = server_port, wsgate = function() return gate_port(TEXT) end } do
	T.test(name .. " refuses unmasked frames", function()
		local client = connect(port())
		socket.write(client.id, codec.frame(TEXT, "unmasked"))
		see_end(client, 1002)
		socket.close(client.id)
	end)

	T.test(name .. " refuses the first bit of a continuation, and of a control frame", function()
		for _, bytes in ipairs { autobahn.frame(TEXT, "a", 0, true) .. autobahn.frame(0, "b", 4), autobahn.frame(codec.PING, "", 4) } do
			for _, extra in ipairs { "", "Sec-WebSocket-Extensions: " .. DEFLATE .. "\r\n" } do
				local client = connect(port(), extra)
				socket.write(client.id, bytes)
				see_end(client, 1002)
				socket.close(client.id)
			end
		end
	end)
end

-- Connects a client to a server that says `bytes` after its handshake. → what read() gives or raises
local function read_from(bytes, options)
	local answered
	local listener, port = net.serve(function(id)
		local head = socket.readline(id, "\r\n\r\n")
		local key = head:match "[Kk]ey:%s*([^\r]+)"
		local crypt = require "skynet.crypt"
		socket.write(id, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
			.. crypt.base64encode(crypt.sha1(key .. "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) .. "\r\n\r\n" .. bytes)
		answered = socket.readall(id)
	end)
	local id = websocket.connect("ws://" .. net.host .. ":" .. port, nil, nil, options)
	local ok, result = pcall(websocket.read, id)
	websocket.close(id)
	T.eventually(function() return answered end)
	socket.close(listener)
	return ok and result, ok or result, answered
end

T.test("a client refuses what a server must not send, and says why", function()
	local text = codec.frame(TEXT, "hello")
	T.eq({ read_from(text, { strict = true }) }, { "hello", true, codec.frame(CLOSE) })
	for want, one in pairs {
		["reserved bits"] = { "\193\0", "\3\234" },
		["text is not UTF-8"] = { codec.frame(TEXT, "\255"), "\3\239" },
		["invalid close frame"] = { codec.frame(CLOSE, "\3\237"), "\3\234" },
		["masked frame of a server"] = { codec.frame(TEXT, "x", 1), "\3\234" },
	} do
		local data, err, answered = read_from(one[1], { strict = true })
		T.eq(data, false, want)
		T.ok(tostring(err):find(want, 1, true), tostring(err))
		T.eq(answered, codec.frame(CLOSE, one[2]), want)
	end
	-- skynet's servers may mask
	T.eq((read_from(codec.frame(TEXT, "x", 1))), "x")
	T.eq((read_from(codec.frame(TEXT, "\255"), { strict = false })), "\255")
end)

T.run(12000)
