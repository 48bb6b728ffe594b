-- needs: tls
-- Services that own sockets, and all ways in which they end: nothing stays open under an owner that has gone.
local skynet = require "skynet"
require "skynet.manager"
local core = require "skynet.core"
local socket = require "skynet.socket"
local codec = require "skynet.websocket.codec"
local net = require "net"
local T = require "harness"

local function listens(port)
	local ok, id = pcall(socket.listen, net.host, port)
	if ok then socket.close(id) end
	return not ok
end

-- A port that was free a moment ago.
local function free_port()
	local id, _, port = socket.listen(net.host, 0)
	socket.close(id)
	return port
end

local function sockets_of(owner)
	local n = 0
	for _, s in ipairs(socket.netstat()) do
		if s.address == owner then n = n + 1 end
	end
	return n
end

-- Sees that nothing is left: no id of the owner, no listener, no connection of a client.
local function check(what, owner, port, clients)
	T.eventually(function() return sockets_of(owner) == 0 end, nil, what .. ": no ids")
	if port then T.eventually(function() return not listens(port) end, nil, what .. ": a free port") end
	for _, id in ipairs(clients) do
		while socket.read(id) do end
		socket.close(id)
	end
end

local silent

-- The port of a listener that accepts and never answers.
local function silent_port()
	if not silent then
		local id
		id, _, silent = socket.listen(net.host, 0)
		socket.start(id, function(client) socket.start(client) end)
	end
	return silent
end

-- ---- skynet.socket, and what is built on it -------------------------------------------------------

local KINDS = {
	"listener", "listener_that_is_not_started", "streams", "stream_that_connects", "datagrams",
	"stream_of_a_response", "channel", "websocket",
}

local function end_service(owner, how)
	if how == "kill" then return skynet.kill(owner) end
	if how == "EXIT_of_the_console" then return skynet.send(owner, "debug", "EXIT") end
	skynet.send(owner, "lua", "end")
	if how == "out_of_memory" then skynet.kill(owner) end
end

for _, how in ipairs { "kill", "exit", "EXIT_of_the_console", "out_of_memory" } do
	T.test("what skynet.socket holds is closed with its service, by " .. how, function()
		for _, kind in ipairs(KINDS) do
			local owner = skynet.newservice("owner", kind, silent_port(), how)
			local port = skynet.call(owner, "lua", "take")
			local clients = {}
			if port and kind == "listener" then clients[1] = assert(socket.open(net.host, port)) end
			end_service(owner, how)
			check(kind, owner, port, clients)
		end
	end)
end

T.test("a service that does not start leaves no sockets", function()
	silent_port()
	local before = net.count "LISTEN" + net.count "TCP" + net.count "UDP"
	for _, kind in ipairs(KINDS) do
		T.eq(pcall(skynet.newservice, "owner", kind, silent_port(), "failing_start"), false)
	end
	T.eventually(function() return net.count "LISTEN" + net.count "TCP" + net.count "UDP" <= before end)
end)

-- ---- gates ----------------------------------------------------------------------------------------

local function frame(text) return string.char(0, #text) .. text end

-- Each starts a gate: → its handle, the one that ends, its port, and what a client says first.
local GATES = {}

GATES["snax.gateserver"] = function()
	local gate = skynet.newservice "net_gate"
	local port = skynet.call(gate, "lua", "open", { address = net.host, port = 0 })
	return gate, port, frame "whole" .. frame "whole too" .. "\1\0half"
end

GATES["gate"] = function()
	local gate = skynet.newservice "gate"
	local _, port = skynet.call(gate, "lua", "open", { address = net.host, port = 0, watchdog = skynet.self() })
	return gate, port, frame "never started"
end

GATES["gate in C"] = function()
	local port = free_port()
	return assert(skynet.launch("gate", ("S ! %s:%d 0 10"):format(net.host, port))), port, frame "for nobody"
end

GATES["wsgate in C"] = function()
	local port = free_port()
	local gate = assert(skynet.launch("wsgate", ("ws ! %s:%d 0 10"):format(net.host, port)))
	return gate, port, net.handshake "/" .. "\r\n" .. codec.frame(codec.TEXT, "x", 1)
end

GATES["slave of ws_gate"] = function()
	local master = skynet.newservice("ws_gate", ".owner_end_gate" .. skynet.now())
	local port = free_port()
	skynet.call(master, "lua", "open", { address = net.host, port = port, instance = 1, maxclient = 10 })
	return master, port, net.handshake "/"
end

for name, launch in pairs(GATES) do
	for _, clients in ipairs { 0, 3 } do
		T.test(("%s: a gate that is killed leaves nothing, with %d clients"):format(name, clients), function()
			local gate, port, first = launch()
			local ids = {}
			for i = 1, clients do
				ids[i] = assert(socket.open(net.host, port))
				socket.write(ids[i], first)
			end
			skynet.kill(gate)
			check(name, gate, port, name ~= "slave of ws_gate" and ids or {})
			local again = socket.listen(net.host, port)
			socket.close(again)
		end)
	end
end

T.test("snax.gateserver: a gate that exits in order leaves nothing", function()
	local gate, port, first = GATES["snax.gateserver"]()
	local id = assert(socket.open(net.host, port))
	socket.write(id, first)
	skynet.send(gate, "debug", "EXIT")
	check("gate", gate, port, { id })
	T.ok(skynet.call(skynet.newservice "net_gate", "lua", "open", { address = net.host, port = port }))
end)

-- ---- connections that nobody has heard of ----------------------------------------------------------

T.test("a connection that is accepted for a service which ends before it hears of it is closed", function()
	local owner = skynet.newservice "net_deaf"
	local port = skynet.call(owner, "lua", "listen")
	-- It blocks its worker until these have been accepted, and ends with their events in its mailbox.
	skynet.send(owner, "lua", "block", 5)
	local clients = {}
	for i = 1, 5 do clients[i] = assert(socket.open(net.host, port)) end
	check("listener", owner, port, clients)
end)

T.run()
