--- A gate for one watchdog: it tells the watchdog of connections, and gives their packages to the watchdog or,
--- as messages of type client, to an agent.
---
--- Commands: open(conf), close (see snax.gateserver; conf.watchdog: default the opener), forward(id [, client
--- [, agent]]), accept(id), kick(id). To the watchdog: "socket" and "open", id, address; "data", id, bytes;
--- "close", id; "error", id, reason; "warning", id, kbytes.
local skynet = require "skynet"
local deadlines = require "skynet.deadlines"
local netpack = require "skynet.netpack"
local gateserver = require "snax.gateserver"

skynet.register_protocol {
	name = "client",
	id = skynet.PTYPE_CLIENT,
}

---@class gate.connection
---@field agent? integer   gets the packages; nil: the watchdog does
---@field client integer   their source; 0: the gate

local UNKICKED_TIME = 500 -- 1/100 s
local KICKED_TIME = 20    -- 1/100 s

local watchdog
---@type table<integer, gate.connection>
local connections = {}

-- Ids whose peers have ended. Such a peer may still read, so what it has asked for before is answered: the id is freed a
-- while after the watchdog has kicked it, as the agent may be slower than the watchdog. The watchdog need not kick it.
local ended = {}

local function free(id)
	if not ended[id] then return end
	ended[id] = nil
	gateserver.closeclient(id)
end

local unkicked, kicked = deadlines(UNKICKED_TIME, free), deadlines(KICKED_TIME, free)

local function tell(event, ...)
	if watchdog then skynet.send(watchdog, "lua", "socket", event, ...) end
end

local handler = {}

function handler.open(source, conf)
	watchdog = conf.watchdog or source
	return conf.address, conf.port
end

function handler.connect(id, address)
	ended[id] = nil -- another connection had the id
	connections[id] = { client = 0 }
	tell("open", id, address)
end

function handler.message(id, data, size)
	local c = connections[id]
	if c and c.agent then
		-- the core frees the package, also when the agent is dead
		skynet.redirect(c.agent, c.client, "client", id, data, size)
	else
		tell("data", id, netpack.tostring(data, size))
	end
end

function handler.disconnect(id)
	connections[id] = nil
	ended[id] = true
	unkicked:add(id)
	tell("close", id)
end

function handler.error(id, reason)
	connections[id] = nil
	tell("error", id, reason)
end

function handler.warning(id, kbytes)
	tell("warning", id, kbytes)
end

local command = {}

function command.forward(source, id, client, agent)
	local c = assert(connections[id])
	c.client = client or 0
	c.agent = agent or source
	gateserver.openclient(id)
end

function command.accept(_, id)
	local c = assert(connections[id])
	c.agent, c.client = nil, 0
	gateserver.openclient(id)
end

function command.kick(_, id)
	if not ended[id] then return gateserver.closeclient(id) end
	unkicked:remove(id)
	kicked:add(id)
end

function handler.command(cmd, source, ...)
	local f = assert(command[cmd], "gate: unknown command")
	return f(source, ...)
end

gateserver.start(handler)
