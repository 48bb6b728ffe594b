-- The rankings: the service `rank` with its cluster port, and a web server. `start` of etc/config.rank.
-- Config: `rank_host` and `rank_port`, where the web server listens; `rank_agents`, how many services answer there;
-- those of service/rank.lua.
local skynet = require "skynet"
local config = require "config"

skynet.start(function()
	skynet.newservice "rank"
	local watchdog = skynet.newservice "web_watchdog"
	skynet.call(watchdog, "lua", "start", {
		address = config.get "rank_host" or "127.0.0.1",
		port = config.get "rank_port" or 8090,
		agent = "rank_web",
		agent_cnt = config.get "rank_agents" or 2,
	})
	skynet.error "rank: ready"
	skynet.exit()
end)
