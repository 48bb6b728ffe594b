--- The slave half of service ws_gate: the commands that it takes, each with the sender's address first.
---
---   open(conf)                       what the master was opened with
---   accept(fd, addr)                 serves a connection; answers when it has ended: true, or false and why
---   forward(fd [, client [, agent]]) messages of fd go to `agent` (the sender) from now on, as client messages with
---                                    session fd and source `client` (this slave)
---   response(fd, msg)                writes a text message
---   kick(fd)                         closes; unknown fds are ignored
---
--- The watchdog gets lua messages that want no answer: "socket", then one of
---   "open", fd, addr, slave, shakes  a connection; the handshake has not been read yet. shakes: conf.handshakes
---   "handshake", fd            it has been read; only with conf.handshakes. Then messages wait until `forward`
---   "data", fd, msg            a message while nothing is forwarded
---   "close", fd                it ended in order
---   "error", fd, message       it broke
---   "warning", fd, kb          so much waits to be sent; 0: all has gone
local skynet = require "skynet"
local socketdriver = require "skynet.socketdriver"
local websocket = require "http.websocket"
local printable = require "printable"

local LOGGED_BYTES = 1024 -- so much of a message is shown in the log

---@class connection
---@field ready boolean  the handshake is done
---@field early string[]  what was to be written before it was ready: nothing may go before the handshake
---@field kicked boolean
---@field waits? boolean  a message waits for the agent
---@field agent? integer  takes the messages
---@field client integer  source of those messages; 0: this slave

local connections = {} -- fd -> connection
local connection_count = 0

local watchdog
local maxclient, nodelay, protocol = 1024, false, "ws"
local handshakes -- messages wait for the agent, which the watchdog starts after the handshake
local options -- of websocket.accept

skynet.register_protocol {
	name = "client",
	id = skynet.PTYPE_CLIENT,
}

local function connection_of(fd)
	local connection = connections[fd]
	if not connection then error("ws_gate: no client has fd " .. tostring(fd), 3) end
	return connection
end

local function tell_watchdog(event, fd, ...)
	skynet.send(watchdog, "lua", "socket", event, fd, ...)
end

-- Forgets a connection, once, and frees its place before the watchdog hears of it.
local function finish(fd, event, ...)
	if not connections[fd] then return end
	connections[fd] = nil
	connection_count = connection_count - 1
	tell_watchdog(event, fd, ...)
end

-- A client may speak before its agent has been started. It is not read any further meanwhile.
local function wait_for_agent(connection)
	if connection.agent or connection.kicked then return end
	connection.waits = true
	skynet.wait(connection)
	connection.waits = false
end

local function wake(connection)
	if connection.waits then skynet.wakeup(connection) end
end

-- ---- what happens on a connection -------------------------------------------------------------

local handler = {}

function handler.connect(fd)
	skynet.error("ws connect from: " .. fd)
	if nodelay then socketdriver.nodelay(fd) end
	tell_watchdog("open", fd, websocket.addrinfo(fd), skynet.self(), handshakes)
end

function handler.handshake(fd, header, url)
	skynet.error(string.format("ws handshake from: %s url %s addr: %s", fd, printable(url), websocket.addrinfo(fd)))
	skynet.error "----header-----"
	for name, value in pairs(header) do
		skynet.error(printable(name), printable(type(value) == "table" and table.concat(value, ", ") or value))
	end
	skynet.error "--------------"
	local connection = connections[fd]
	connection.ready = true
	for _, msg in ipairs(connection.early) do websocket.write(fd, msg) end
	connection.early = nil
	if connection.kicked then return websocket.close(fd) end
	if handshakes then tell_watchdog("handshake", fd) end
end

function handler.message(fd, msg)
	skynet.error("ws ping from: " .. fd, printable(msg:sub(1, LOGGED_BYTES)))
	local connection = connections[fd]
	if not connection then return end -- it came with the kick
	if handshakes then wait_for_agent(connection) end
	if connections[fd] ~= connection or connection.kicked then return end
	if not connection.agent then
		tell_watchdog("data", fd, msg)
	elseif not skynet.redirect(connection.agent, connection.client, "client", fd, msg) then
		websocket.close(fd) -- the agent has ended; nobody would ever answer
	end
end

function handler.ping(fd)
	skynet.error("ws ping from: " .. fd)
end

function handler.pong(fd)
	skynet.error("ws pong from: " .. fd)
end

function handler.close(fd, code, reason)
	skynet.error("ws close from: " .. fd, code, reason and printable(reason))
	finish(fd, "close")
end

function handler.error(fd, message)
	skynet.error("ws error from: " .. fd)
	finish(fd, "error", message and tostring(message))
end

function handler.warning(ws, size)
	tell_watchdog("warning", type(ws) == "table" and ws.id or ws, size)
end

-- ---- commands ---------------------------------------------------------------------------------

local commands = {}

function commands.open(source, conf)
	skynet.error("open", conf.watchdog, source)
	watchdog = conf.watchdog
	maxclient = conf.maxclient or 1024
	nodelay = conf.nodelay
	protocol = conf.protocol or "ws"
	options = { sendlimit = conf.sendlimit, origins = conf.origins, handshake_time = conf.handshake_time }
	handshakes = conf.handshakes
end

function commands.accept(_, fd, addr)
	if connection_count >= maxclient then
		socketdriver.close(fd)
		return false, "more than " .. maxclient .. " clients (maxclient)"
	end
	connections[fd] = { ready = false, early = {}, kicked = false, client = 0 }
	connection_count = connection_count + 1
	local called, ok, message = pcall(websocket.accept, fd, handler, protocol, addr, options)
	if not called then ok, message = false, ok end
	-- After a breach of the protocol no handler has been called.
	finish(fd, "error", tostring(message))
	if ok then return true end
	return false, tostring(message)
end

function commands.forward(source, fd, client, agent)
	local connection = connection_of(fd)
	connection.client = client or 0
	connection.agent = agent or source
	wake(connection)
end

function commands.response(_, fd, msg)
	local connection = connection_of(fd)
	skynet.error("ws response: " .. fd, printable(msg:sub(1, LOGGED_BYTES)))
	if connection.ready then
		websocket.write(fd, msg)
	else
		table.insert(connection.early, msg)
	end
end

function commands.kick(_, fd)
	local connection = connections[fd]
	if not connection then return end
	connection.kicked = true
	wake(connection)
	-- nothing may be written before the handshake, which has a time limit
	if connection.ready then websocket.close(fd) end
end

return commands
