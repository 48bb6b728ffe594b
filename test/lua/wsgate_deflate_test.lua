-- wsgate: compressed messages (permessage-deflate).
local skynet = require "skynet"
local socket = require "skynet.socket"
local codec = require "skynet.websocket.codec"
local wsgate = require "skynet.wsgate"
local net = require "net"
local watcher = require "gate_watcher"
local T = require "harness"

local event, launch, frame, connect, next_package, packages, MASK = watcher.event, watcher.launch, watcher.frame, watcher.connect, watcher.next_package, watcher.packages, watcher.MASK

-- A frame whose first reserved bit says that its message is compressed.
local function compressed(bytes)
	local plain = codec.frame(codec.TEXT, bytes, MASK)
	return string.char(plain:byte() + 64) .. plain:sub(2)
end

local DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
local HELLO = "\242\72\205\201\201\7\0" -- RFC 7692, 7.2.3.1
local XS = { [100] = "\170\168\160\61\0\0", [101] = "\170\168\160\3\0\0" } -- so many times "x"

T.test("permessage-deflate: messages come inflated, larger ones leave compressed", function()
	local gate, port = launch { deflate = true }
	for _, parameters in ipairs { "", "; server_no_context_takeover; client_no_context_takeover", "; client_max_window_bits" } do
		local c, answer = net.websocket(port, "/chat", DEFLATE .. parameters .. "\r\n")
		T.ok(answer:lower():find(DEFLATE:lower(), 1, true), answer)
		local id = event("open", gate)[3]
		wsgate.start(gate, id)
		socket.write(c, compressed(HELLO) .. codec.frame(codec.TEXT, "plain", MASK))
		T.eq(event("data", gate)[4], "Hello")
		T.eq(event("data", gate)[4], "plain")
		wsgate.send(gate, id, "short")
		T.eq({ frame(c) }, { codec.BINARY, "short" })
		wsgate.send(gate, id, ("x"):rep(10000))
		local head = socket.read(c, 2)
		T.eq(head:byte(), 128 + 64 + codec.BINARY)
		T.within(head:byte(2), 1, 100)
		socket.close(c)
		event("close", gate)
	end
	skynet.kill(gate)
end)

T.test("what cannot be agreed on is not: the connection is without", function()
	local gate, port = launch { deflate = true }
	for _, parameters in ipairs { "; server_max_window_bits=10", "; what=1", ", permessage-deflate" } do
		local c, answer = net.websocket(port, "/chat", DEFLATE .. parameters .. "\r\n")
		T.ok(answer and answer:find(" 101 ", 1, true), tostring(answer))
		T.eq(answer:lower():find("extensions", 1, true), nil, parameters)
		socket.close(c)
		event("open", gate)
		event("close", gate)
	end
	skynet.kill(gate)
end)

T.test("a compressed message is bounded by what it inflates to", function()
	local gate, port = launch { deflate = true, maxframe = 100 }
	local _, c = connect(gate, port, DEFLATE .. "\r\n")
	socket.write(c, compressed(XS[100]))
	T.eq(next_package()[3], ("x"):rep(100))
	socket.close(c)
	event("close", gate)
	_, c = connect(gate, port, DEFLATE .. "\r\n")
	socket.write(c, compressed(XS[101]))
	T.eq({ frame(c) }, { codec.CLOSE, "\3\241" })
	event("close", gate)
	socket.close(c)
	T.eq(#packages, 0)
	skynet.kill(gate)
end)

T.test("compressed messages that are wrong, and reserved bits that nobody agreed on, end the connection", function()
	local gate, port = launch { deflate = true }
	for extra, frames in pairs {
		[DEFLATE .. "\r\n"] = {
			compressed "\255\255\255", compressed "\7", compressed "\0\5\0\0\0", -- no deflate
			compressed "\0\1\0\254\255\255\0", -- inflates to no UTF-8
			"\161\129\0\0\0\0x", -- the second reserved bit
		},
		[""] = { compressed(HELLO), "\161\129\0\0\0\0x", "\145\129\0\0\0\0x" },
	} do
		for _, bytes in ipairs(frames) do
			local _, c = connect(gate, port, extra)
			socket.write(c, bytes)
			T.eq(event("close", gate)[1], "close")
			socket.close(c)
		end
	end
	T.eq(#packages, 0)
	skynet.kill(gate)
end)

T.run(2000)
