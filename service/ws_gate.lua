-- A WebSocket gate. Its master listens and hands each connection to one of its slaves, in turn; a slave speaks
-- WebSocket with its clients and passes messages on.
--
--   ws_gate [NAME]     a master, registered as NAME (".ws_gate")
--   ws_gate NAME SLAVE a slave of that master, registered as SLAVE
--
-- Lua commands of the master:
--   open(conf)  starts the slaves and listens; answers when it does. conf:
--     port        required
--     address     "0.0.0.0"
--     protocol    "ws" or "wss" (certificate: config keys `certfile`, `keyfile`)
--     instance    number of slaves, 8
--     maxclient   most clients of ONE slave, 1024: a master with 8 slaves takes 8 times as many
--     nodelay     true: small messages are not held back
--     sendlimit   bytes that may wait for a client that does not read; beyond it the client is cut. Default: any number
--     origins     list of the origins of web pages that are served; others get status 403. Default: all
--     maxaddress  most clients of one address. Default: any number
--     handshake_time  1/100 s that a client may take for its handshake, 6000
--     handshakes  true: the watchdog hears of handshakes, and messages wait for `forward`
--     watchdog    address of the service that is told about clients; the caller by default
-- The commands of a slave and its events stand in ws_gate_slave.lua.
local skynet = require "skynet"
local killed = require "skynet.killed"
local socket = require "skynet.socket"
local slave_commands = require "ws_gate_slave"
require "skynet.manager"

local master_name, slave_name = ...
master_name = master_name or ".ws_gate"

local listening = false
local slaves = {}

local function start_slaves(conf)
	for i = 1, conf.instance do
		local slave = skynet.newservice(SERVICE_NAME, master_name, master_name .. "-slave-" .. i)
		slaves[i] = slave
		skynet.call(slave, "lua", "open", conf)
	end
end

local function stop_slaves()
	for i, slave in pairs(slaves) do
		skynet.kill(slave)
		slaves[i] = nil
	end
end

local clients_of = {} -- address without port → number of clients

local function accept_loop(id, most_of_address)
	local turn = 0
	socket.start(id, function(fd, addr)
		local address = addr:match "^(.*):%d+$" or addr
		local count = (clients_of[address] or 0) + 1
		if count > most_of_address then
			-- without a line for each: whoever does this does it often
			return socket.close_fd(fd)
		end
		clients_of[address] = count
		skynet.error(string.format("accept client socket_fd: %s addr:%s", fd, addr))
		turn = turn % #slaves + 1
		-- The answer comes when the session has ended.
		local function count_out()
			local left = clients_of[address] - 1
			clients_of[address] = left > 0 and left or nil
		end
		local held = {}
		killed.hold(held, function()
			socket.close_fd(fd)
			count_out()
		end)
		local called, ok, message = pcall(skynet.call, slaves[turn], "lua", "accept", fd, addr)
		killed.release(held)
		if not called then
			ok, message = false, ok
			socket.close_fd(fd)
		end
		count_out()
		if not ok then skynet.error(string.format("invalid client (fd = %d) error = %s", fd, message)) end
	end)
end

local master_commands = {}

function master_commands.open(source, conf)
	if listening then error "ws_gate: open was called already" end
	if not conf.port then error "ws_gate: conf.port is missing" end
	conf.instance = conf.instance or 8
	if conf.instance < 1 then error("ws_gate: conf.instance must be 1 or more, is " .. conf.instance) end
	conf.watchdog = conf.watchdog or source
	conf.protocol = conf.protocol or "ws"
	-- First of all, so that a port in use leaves no slaves behind. Who connects now waits for them.
	local id = socket.listen(conf.address or "0.0.0.0", conf.port)
	listening = true
	local ok, message = pcall(start_slaves, conf)
	if not ok then
		stop_slaves()
		socket.close_fd(id)
		listening = false
		error(message, 0)
	end
	skynet.error(string.format("Listen websocket port:%s protocol:%s", conf.port, conf.protocol))
	accept_loop(id, conf.maxaddress or math.huge)
end

local function dispatch(role, commands)
	skynet.dispatch("lua", function(session, source, cmd, ...)
		local f = commands[cmd]
		if not f then
			skynet.error(string.format("ws gate %s can't dispatch cmd %s", role, tostring(cmd)))
			if session ~= 0 then skynet.ret(skynet.pack { ok = false }) end
		elseif session ~= 0 then
			skynet.ret(skynet.pack(f(source, ...)))
		else
			f(source, ...)
		end
	end)
end

skynet.start(function()
	if slave_name then
		skynet.error("start ws_gate slave: " .. slave_name)
		skynet.register(slave_name)
		dispatch("slave", slave_commands)
	else
		skynet.error("start ws_gate master: " .. master_name)
		skynet.register(master_name)
		dispatch("master", master_commands)
	end
end)
