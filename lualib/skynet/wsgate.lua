--- The native WebSocket gate, from Lua: launching one, hearing of its connections, speaking to them.
--- docs/wsgate.md tells what it does; `service/wsgate.lua` is a gate service over this library.
local skynet = require "skynet"
require "skynet.manager"
local core = require "skynet.core"

---@class skynet.wsgate.options
---@field protocol? "ws"|"wss"       default "ws"
---@field address? string            default all interfaces
---@field port? integer              default 0: the system chooses
---@field maxclient? integer         default 1024
---@field tag? integer               message type of packages; default that of clients
---@field watchdog? integer|string   who hears of connections; default the caller; false: nobody
---@field deflate? boolean           offer permessage-deflate
---@field text? boolean              send text messages instead of binary ones
---@field maxframe? integer          most bytes of a message from a peer
---@field sendlimit? integer         most bytes that may wait for a peer
---@field policy? "close"|"drop"     what happens beyond it
---@field ping? integer              seconds of silence before a ping; 0: none
---@field timeout? integer           seconds for handshakes, answers to pings, last writes
---@field origin? string|string[]    allowed origins of web pages
---@field path? string               the only path served
---@field protocols? string|string[] sub-protocols that a client may ask for
---@field realip? boolean            believe the field X-Real-IP
---@field threads? integer           I/O threads
---@field cert? string               files, for wss; default what the config says
---@field key? string

---@class skynet.wsgate.handler
---@field open? fun(gate: integer, id: integer, address: string)   a connection; nothing is read until wsgate.start
---@field data? fun(gate: integer, id: integer, bytes: string)     a message, when there is no agent
---@field close? fun(gate: integer, id: integer)                   the connection has ended, whoever ended it
---@field listen? fun(gate: integer, address: string)              listening, on "ip:port"

local wsgate = {}

local function list(value)
	return type(value) == "table" and table.concat(value, ",") or value
end

local function flag(value)
	return value and 1 or nil
end

local function watchdog_text(watchdog)
	if watchdog == nil then return skynet.address(skynet.self()) end
	if watchdog == false then return "!" end
	return type(watchdog) == "number" and skynet.address(watchdog) or watchdog
end

local function address_text(address, port)
	if not address then return tostring(port) end
	if address:find(":", 1, true) and address:sub(1, 1) ~= "[" then address = "[" .. address .. "]" end
	return address .. ":" .. port
end

---@param options skynet.wsgate.options
---@return string launch_string
local function parameter(options)
	local parts = {
		options.protocol or "ws",
		watchdog_text(options.watchdog),
		address_text(options.address, options.port or 0),
		options.tag or 0,
		options.maxclient or 1024,
	}
	local function add(key, value)
		if value ~= nil then parts[#parts + 1] = ("%s=%s"):format(key, tostring(value)) end
	end
	add("deflate", flag(options.deflate))
	add("text", flag(options.text))
	add("realip", flag(options.realip))
	for _, key in ipairs { "maxframe", "sendlimit", "policy", "ping", "timeout", "path", "threads", "cert", "key" } do
		add(key, options[key])
	end
	add("origin", list(options.origin))
	add("protocol", list(options.protocols))
	return table.concat(parts, " ")
end

--- Starts a gate. Raises when it cannot listen, or an option is wrong; the reason is in the log.
---@param options skynet.wsgate.options
---@return integer gate  its handle
function wsgate.launch(options)
	local gate = skynet.launch("wsgate", parameter(options))
	if not gate then error("wsgate: cannot start on " .. address_text(options.address, options.port or 0), 2) end
	return gate
end

---@type skynet.wsgate.handler
local handler = {}

local events = {}

function events.open(gate, id, rest)
	-- "<id> <ip>:<port>:0", as the C gate words it
	if handler.open then handler.open(gate, id, (rest:match "^%d+ (.*):0$")) end
end

function events.data(gate, id, rest)
	if handler.data then handler.data(gate, id, rest) end
end

function events.close(gate, id)
	if handler.close then handler.close(gate, id) end
end

function events.listen(gate, _, rest)
	if handler.listen then handler.listen(gate, rest) end
end

--- Makes this service a watchdog: the text messages of gates go to `handlers`, which may yield.
---@param handlers skynet.wsgate.handler
function wsgate.watch(handlers)
	handler = handlers
	skynet.register_protocol {
		name = "text",
		id = skynet.PTYPE_TEXT,
		pack = function(text) return text end,
		unpack = skynet.tostring,
		dispatch = function(_, gate, text)
			skynet.ignoreret() -- a message's session is the connection; nobody waits for an answer
			local id, event, from = text:match "^(%d+) (%a+) ?()"
			local handle = event and events[event]
			if handle then handle(gate, tonumber(id), text:sub(from)) end
		end,
	}
end

local function command(gate, ...)
	core.send(gate, skynet.PTYPE_TEXT, 0, (...):format(select(2, ...)))
end

--- Begins to read a connection.
---@param gate integer
---@param id integer
function wsgate.start(gate, id)
	command(gate, "start %d", id)
end

--- From now on the connection's messages go to `agent`, as messages of type client with session `id`.
---@param gate integer
---@param id integer
---@param agent integer
---@param client? integer  their source; default the gate
function wsgate.forward(gate, id, agent, client)
	command(gate, "forward %d :%x :%x", id, agent, client or 0)
end

--- All messages of all connections go to the service of that name; an unknown name ends that.
---@param gate integer
---@param name string  ".name" or ":hex"
function wsgate.broker(gate, name)
	command(gate, "broker %s", name)
end

--- Closes a connection after what waits to be sent.
---@param gate integer
---@param id integer
function wsgate.kick(gate, id)
	command(gate, "kick %d", id)
end

--- Stops listening. Connections stay; they end with the gate (skynet.kill).
---@param gate integer
function wsgate.close(gate)
	command(gate, "close")
end

--- Sends one message to a peer. An empty one is not sent.
---@param gate integer
---@param id integer
---@param bytes string
function wsgate.send(gate, id, bytes)
	if bytes == "" then return end
	-- In nobody's name: a gate that ends would answer the session, which is no request's.
	core.redirect(gate, 0, skynet.PTYPE_CLIENT, id, bytes)
end

return wsgate
