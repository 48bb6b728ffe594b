-- The front of a web server: listens, and hands each connection to one of its agents, in turn.
--
-- Lua command: start(conf), answered when it listens. conf:
--   port       required
--   address    where to listen, "0.0.0.0" by default: on all interfaces
--   agent      service that serves connections, "web_agent" by default
--   agent_cnt  number of them, 1 by default
--   protocol   "http" or "https" (certificate: config keys `certfile`, `keyfile`)
local skynet = require "skynet"
local socket = require "skynet.socket"

local function start_agents(conf)
	local agents = {}
	for i = 1, conf.agent_cnt or 1 do
		agents[i] = skynet.newservice(conf.agent or "web_agent", conf.protocol or "http")
	end
	return agents
end

local CMD = {}

function CMD.start(conf)
	if not conf.port then error "web_watchdog: conf.port is missing" end
	if conf.agent_cnt and conf.agent_cnt < 1 then error("web_watchdog: conf.agent_cnt must be 1 or more, is " .. conf.agent_cnt) end
	-- First of all, so that a port in use leaves no agents behind.
	local id = socket.listen(conf.address or "0.0.0.0", conf.port)
	local ok, agents = pcall(start_agents, conf)
	if not ok then
		socket.close_fd(id)
		error(agents, 0)
	end
	skynet.error("Listen web port: " .. conf.port)
	local turn = 0
	socket.start(id, function(fd)
		turn = turn % #agents + 1
		if not skynet.send(agents[turn], "lua", fd) then socket.close_fd(fd) end -- the agent has ended
	end)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, ...)
		local f = CMD[cmd]
		if not f then error("web_watchdog: unknown command " .. tostring(cmd)) end
		skynet.ret(skynet.pack(f(...)))
	end)
end)
