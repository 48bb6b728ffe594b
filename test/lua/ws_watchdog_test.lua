-- config: db_conf_game = [[ { host = "127.0.0.1", port = 1 } ]]
-- config: db_optional = true
-- The demo's watchdog: which clients get an agent, and when.
local skynet = require "skynet"
local socket = require "skynet.socket"
local net = require "net"
local T = require "harness"

local port = tonumber(skynet.getenv "port")

local function agents()
	local count = 0
	for _, name in pairs(skynet.call(".launcher", "lua", "LIST")) do
		if name:find("ws_agent", 1, true) then count = count + 1 end
	end
	return count
end

T.test("connections that make no handshake get no agent, and end", function()
	local watchdog = skynet.newservice "ws_watchdog"
	skynet.call(watchdog, "lua", "start", { port = port, address = net.host, instance = 2, handshake_time = 50 })
	local silent = {}
	for i = 1, 20 do silent[i] = assert(socket.open(net.host, port)) end
	local id, answer = net.websocket(port, "/")
	T.ok(answer:find(" 101 ", 1, true))
	T.eventually(function() return agents() == 1 end)
	for _, one in ipairs(silent) do
		T.eq(socket.readall(one) or "", "")
		socket.close(one)
	end
	T.eq(agents(), 1)
	socket.close(id)
	T.eventually(function() return agents() == 0 end)
end)

T.test("the first message right behind the handshake is answered", function()
	for i = 1, 20 do
		local text = ('"hello %02d"'):format(i)
		local id = assert(socket.open(net.host, port))
		socket.write(id, net.handshake "/" .. "\r\n\129" .. string.char(#text) .. text)
		T.ok(socket.readline(id, "\r\n\r\n"))
		T.eq(socket.read(id, 2 + #text), "\129" .. string.char(#text) .. text)
		socket.close(id)
	end
end)

T.run()
