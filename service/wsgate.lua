--- A gate for WebSocket clients, with the commands of service/gate.lua: it tells one watchdog of connections, and
--- gives their messages to the watchdog or, as messages of type client, to an agent.
---
--- Commands: open(conf), close, forward(id [, client [, agent]]), accept(id), kick(id), send(id, bytes). conf is
--- what skynet.wsgate's launch takes; conf.watchdog: default the opener. open gives address, port and the handle of
--- the native gate, for wsgate.send: an agent that uses it spares a hop.
--- To the watchdog: "socket" and "open", id, address; "data", id, bytes; "close", id.
local skynet = require "skynet"
local wsgate = require "skynet.wsgate"

local gate, watchdog
local opening -- the coroutine that waits for the address
---@type table<integer, boolean>
local connections = {}

local function tell(event, ...)
	skynet.send(watchdog, "lua", "socket", event, ...)
end

wsgate.watch {
	listen = function(_, address)
		opening.address, opening.port = address:match "^(.*):(%d+)$"
		skynet.wakeup(opening)
	end,
	open = function(_, id, address)
		connections[id] = true
		tell("open", id, address)
	end,
	data = function(_, id, bytes)
		tell("data", id, bytes)
	end,
	close = function(_, id)
		connections[id] = nil
		tell("close", id)
	end,
}

local command = {}

function command.open(source, conf)
	assert(not gate)
	watchdog = conf.watchdog or source
	opening = {}
	local options = setmetatable({ watchdog = skynet.self() }, { __index = conf })
	gate = wsgate.launch(options)
	if not opening.address then skynet.wait(opening) end
	skynet.error("Listen on", opening.address, opening.port)
	return opening.address, tonumber(opening.port), gate
end

function command.close()
	wsgate.close(gate)
end

function command.forward(source, id, client, agent)
	assert(connections[id])
	wsgate.forward(gate, id, agent or source, client)
	wsgate.start(gate, id)
end

function command.accept(_, id)
	assert(connections[id])
	wsgate.forward(gate, id, 0, 0)
	wsgate.start(gate, id)
end

function command.kick(_, id)
	wsgate.kick(gate, id)
end

function command.send(_, id, bytes)
	wsgate.send(gate, id, bytes)
end

skynet.start(function()
	skynet.dispatch("lua", function(session, source, name, ...)
		local run = assert(command[name], name)
		if session == 0 then
			run(source, ...)
		else
			skynet.retpack(run(source, ...))
		end
	end)
end)
