-- wsgate: its limits, and peers that break the protocol or say nothing.
local skynet = require "skynet"
local socket = require "skynet.socket"
local codec = require "skynet.websocket.codec"
local wsgate = require "skynet.wsgate"
local net = require "net"
local watcher = require "gate_watcher"
local T = require "harness"

local event, launch, frame, connect, next_package, packages, MASK = watcher.event, watcher.launch, watcher.frame, watcher.connect, watcher.next_package, watcher.packages, watcher.MASK

T.test("a message above maxframe ends the connection with code 1009", function()
	local gate, port = launch { maxframe = 1000 }
	local _, c = connect(gate, port)
	socket.write(c, codec.frame(codec.BINARY, ("x"):rep(1000), MASK))
	T.eq(#next_package()[3], 1000)
	socket.write(c, codec.frame(codec.BINARY, ("x"):rep(1001), MASK))
	T.eq({ frame(c) }, { codec.CLOSE, "\3\241" })
	event("close", gate)
	socket.close(c)
	-- in fragments, too
	_, c = connect(gate, port)
	for _ = 1, 3 do socket.write(c, "\2\254\1\144\0\0\0\0" .. ("x"):rep(400)) end
	T.eq((frame(c)), codec.CLOSE)
	event("close", gate)
	socket.close(c)
	T.eq(#packages, 0)
	skynet.kill(gate)
end)

T.test("beyond sendlimit the connection is closed", function()
	local gate, port = launch { sendlimit = 100000 }
	local id, c = connect(gate, port)
	socket.pause(c)
	local piece = ("x"):rep(50000)
	for _ = 1, 1000 do wsgate.send(gate, id, piece) end
	event("close", gate)
	socket.close(c)
	skynet.kill(gate)
end)

T.test("or, with the policy drop, loses messages and stays", function()
	local gate, port = launch { sendlimit = 100000, policy = "drop" }
	local id, c = connect(gate, port)
	socket.pause(c)
	local piece = ("x"):rep(50000)
	for _ = 1, 1000 do wsgate.send(gate, id, piece) end
	local count = 0
	local done = net.async(function()
		while true do
			local _, payload = frame(c)
			if payload == "end" then return true end
			if payload ~= piece then return payload end
			count = count + 1
		end
	end)
	T.eventually(function() return count > 0 end)
	skynet.sleep(20)
	wsgate.send(gate, id, "end")
	T.eq(done(), true)
	T.within(count, 1, 999)
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("only so many connections", function()
	local gate, port = launch { maxclient = 2 }
	local a, c = connect(gate, port)
	local _, d = connect(gate, port)
	local refused, answer = net.websocket(port, "/chat")
	T.eq(answer, false)
	socket.close(refused)
	socket.close(c)
	T.eq(event("close", gate)[3], a)
	local _, e = connect(gate, port)
	for _, id in ipairs { d, e } do
		socket.close(id)
		event("close", gate)
	end
	skynet.kill(gate)
end)

T.test("a peer that pings and does not read costs no more than sendlimit", function()
	local gate, port = launch { sendlimit = 10000 }
	local id, c = connect(gate, port)
	socket.pause(c)
	local pings = codec.frame(codec.PING, ("p"):rep(125), MASK):rep(1000)
	local done = net.async(function()
		for _ = 1, 200 do socket.write(c, pings) end
		socket.write(c, codec.frame(codec.TEXT, "after all of them", MASK))
	end)
	T.eq(next_package(), { id, 0x123456, "after all of them" })
	done()
	socket.close(c)
	event("close", gate)
	skynet.kill(gate)
end)

T.test("frames that break the protocol end the connection", function()
	local gate, port = launch {}
	for _, bytes in ipairs {
		codec.frame(3, "?", MASK), codec.frame(11, "?", MASK), -- reserved opcodes
		"\137\254\1\0\0\0\0\0" .. ("x"):rep(256), -- a long ping
		"\128\129\0\0\0\0x", -- nothing to continue
		codec.frame(codec.TEXT, "\255\254", MASK), -- no UTF-8
		"\130\255\127\255\255\255\255\255\255\255\0\0\0\0x", -- 2^63 - 1 bytes
	} do
		local _, c = connect(gate, port)
		socket.write(c, bytes)
		T.eq(event("close", gate)[1], "close")
		socket.close(c)
	end
	T.eq(#packages, 0)
	skynet.kill(gate)
end)

T.test("a silent peer is pinged, and dropped when it does not answer", function()
	local gate, port = launch { ping = 1, timeout = 1 }
	local _, c = connect(gate, port)
	T.eq((frame(c)), codec.PING)
	socket.write(c, codec.frame(codec.PONG, "", MASK))
	T.eq((frame(c)), codec.PING)
	event("close", gate)
	socket.close(c)
	skynet.kill(gate)
end)

T.run(2000)
