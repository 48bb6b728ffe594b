-- The demo: a console, a WebSocket server with one agent for each client, and a web server.
-- Config: `console_port`, `ws_port`, `web_port`; `demo_host`, the address that the two servers listen at; `ws_protocol`, "ws"
-- or "wss", and `web_protocol`, "http" or "https".
local skynet = require "skynet"
local config = require "config"
local debug_console_inject = require "debug_console_inject"

local DEBUG_CONSOLE_PORT = config.get "console_port" or 8000
local HOST = config.get "demo_host" or "127.0.0.1"
local WS = {
	address = HOST,
	port = config.get "ws_port" or 8888,
	maxclient = 64,
	nodelay = true,
	protocol = config.get "ws_protocol" or "ws",
	sendlimit = config.get "ws_sendlimit" or 16 * 1024 * 1024,
	maxaddress = config.get "ws_maxaddress" or 256,
	handshake_time = 1000, -- 1/100 s
	origins = config.get_tbl "ws_origins",
}
local WEB = {
	address = HOST,
	port = config.get "web_port" or 8889,
	agent_cnt = 1,
	protocol = config.get "web_protocol" or "http",
}

skynet.start(function()
	skynet.error "Server start"
	if not skynet.getenv "daemon" then skynet.newservice "console" end
	debug_console_inject(skynet.newservice("debug_console", DEBUG_CONSOLE_PORT))

	local ws_watchdog = skynet.newservice "ws_watchdog"
	skynet.call(ws_watchdog, "lua", "start", WS)
	skynet.error("websocket watchdog listen on", WS.port)

	local web_watchdog = skynet.newservice "web_watchdog"
	skynet.call(web_watchdog, "lua", "start", WEB)
	skynet.error("web watchdog listen on", WEB.port)

	skynet.exit()
end)
