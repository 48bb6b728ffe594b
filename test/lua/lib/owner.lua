-- Takes sockets of one kind, and ends in one way. Helper of owner_end_test.
--
--   owner KIND PORT HOW   PORT is a listener that accepts and never answers
-- "take" takes them and answers with a port to connect to, if there is one; "end" ends the service.
local skynet = require "skynet"
local socket = require "skynet.socket"
local net = require "net"

local kind, silent, how = ...
silent = tonumber(silent)
if how == "out_of_memory" then skynet.memlimit(8 * 1024 * 1024) end

local held -- what must not be collected

local kinds = {}

function kinds.listener()
	local id, _, port = socket.listen(net.host, 0)
	socket.start(id, function(client) socket.start(client) end)
	return port
end

function kinds.listener_that_is_not_started()
	socket.listen(net.host, 0)
end

function kinds.streams()
	for _ = 1, 3 do assert(socket.open(net.host, silent)) end
end

function kinds.stream_that_connects()
	skynet.fork(socket.open, net.host, silent)
	skynet.yield()
end

function kinds.datagrams()
	socket.udp(function() end, net.host, 0)
	socket.udp(function() end)
	socket.udp_dial(net.host, silent, function() end)
end

function kinds.stream_of_a_response()
	local httpc = require "http.httpc"
	local _, port = net.serve(function(id)
		socket.read(id)
		socket.write(id, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst")
		socket.read(id)
	end)
	held = httpc.request_stream("GET", net.host .. ":" .. port, "/")
	held()
end

function kinds.channel()
	held = require("skynet.socketchannel").channel { host = net.host, port = silent }
	held:connect(true)
end

function kinds.websocket()
	local websocket = require "http.websocket"
	local id, _, port = socket.listen(net.host, 0)
	socket.start(id, function(client) websocket.accept(client, {}) end)
	websocket.connect("ws://" .. net.host .. ":" .. port)
	return port
end

local ends = {}

function ends.exit() skynet.exit() end

-- Nothing is left for whoever cleans up when it is killed now.
function ends.out_of_memory()
	held = { held }
	pcall(function()
		while true do held[#held + 1] = { #held } end
	end)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd)
		if cmd == "take" then
			skynet.retpack(kinds[kind]())
		else
			ends[how]()
		end
	end)
	if how == "failing_start" then
		kinds[kind]()
		error "it does not start"
	end
end)
