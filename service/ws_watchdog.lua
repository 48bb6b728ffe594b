-- Watches over the clients of a WebSocket gate: starts an agent for each one that comes, ends it when the client goes.
--
-- Lua commands:
--   start(conf)  opens the gate (see ws_gate's `open`); answers when it listens
--   close(fd)    closes a client and ends its agent
-- The gate's slaves send "socket", EVENT, fd, ...
local skynet = require "skynet"
local printable = require "printable"

---@class client
---@field slave integer  the gate's slave that serves it
---@field addr string
---@field agent? integer  once it has been started

local clients = {} -- fd -> client
local gate
local protocol

-- Forgets the client and ends both ends of it: the connection and the agent.
local function close_client(fd)
	local client = clients[fd]
	if not client then return end
	clients[fd] = nil
	pcall(skynet.call, client.slave, "lua", "kick", fd) -- a slave that has ended has no connections
	if client.agent then skynet.send(client.agent, "lua", "disconnect") end
end

local function start_agent(client, fd, addr)
	local agent = skynet.newservice "ws_agent"
	-- From here on the agent has to be told when the client goes.
	client.agent = agent
	if clients[fd] == client then
		skynet.call(agent, "lua", "start", {
			gate = client.slave,
			client = fd,
			watchdog = skynet.self(),
			protocol = protocol,
			addr = addr,
		})
	else
		skynet.send(agent, "lua", "disconnect") -- it went while the agent was started
	end
end


-- The client gets its agent, or is closed.
local function serve(client, fd)
	local ok, message = pcall(start_agent, client, fd, client.addr)
	if not ok then
		skynet.error("no agent for client " .. fd .. ": " .. tostring(message))
		if clients[fd] == client then close_client(fd) end
	end
end

local SOCKET = {}

-- `shakes`: the slave will tell of the handshake. Who never makes one costs no agent.
function SOCKET.open(fd, addr, slave, shakes)
	skynet.error("New client from : " .. addr)
	local client = { slave = slave, addr = addr }
	clients[fd] = client
	if not shakes then serve(client, fd) end
end

function SOCKET.handshake(fd)
	local client = clients[fd]
	if client then serve(client, fd) end
end

function SOCKET.data(fd, msg)
	print("socket data", fd, printable(msg))
end

function SOCKET.close(fd)
	print("socket close", fd)
	close_client(fd)
end

function SOCKET.error(fd, msg)
	print("socket error", fd, msg and printable(msg))
	close_client(fd)
end

function SOCKET.warning(fd, size)
	print("socket warning", fd, size)
end

local CMD = {}

function CMD.start(conf)
	protocol = conf.protocol
	conf.handshakes = true
	skynet.call(gate, "lua", "open", conf)
end

function CMD.close(fd)
	close_client(fd)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, event, ...)
		if cmd == "socket" then
			SOCKET[event](...) -- nobody waits for an answer
		else
			local f = CMD[cmd]
			if not f then error("ws_watchdog: unknown command " .. tostring(cmd)) end
			skynet.ret(skynet.pack(f(event, ...)))
		end
	end)
	gate = skynet.newservice "ws_gate"
end)
