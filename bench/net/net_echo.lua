--- net_echo KIND PORT: a server over skynet.socket that answers in this service.
---   raw    sends back what it reads                  ws     sends back each WebSocket message
---   http   answers requests, keeps the connection    httpc  answers one, and closes
local skynet = require "skynet"
local socket = require "skynet.socket"

local kind, port = ...

local REQUEST_LIMIT = 8192

local servers = {}

function servers.raw(id)
	socket.start(id)
	while true do
		local bytes = socket.read(id)
		if not bytes then break end
		socket.write(id, bytes)
	end
	socket.close(id)
end

local function http_server(keeps)
	local httpd = require "http.httpd"
	local sockethelper = require "http.sockethelper"
	local header = { ["content-type"] = "text/plain" }

	return function(id)
		socket.start(id)
		local read, write = sockethelper.readfunc(id), sockethelper.writefunc(id)
		repeat
			local code = httpd.read_request(read, REQUEST_LIMIT)
			if not code then break end
		until not httpd.write_response(write, code, "hello world\n", header) or not keeps
		socket.close(id)
	end
end

local function websocket_server()
	local websocket = require "http.websocket"
	local handle = {}

	function handle.message(id, bytes)
		websocket.write(id, bytes, "binary")
	end

	return function(id, address)
		pcall(websocket.accept, id, handle, "ws", address)
	end
end

skynet.start(function()
	local serve = servers[kind]
	if kind == "ws" then
		serve = websocket_server()
	elseif kind == "http" or kind == "httpc" then
		serve = http_server(kind == "http")
	end
	local listener = socket.listen("127.0.0.1", tonumber(port), 1024)
	socket.start(listener, serve)
end)
