-- A msgserver for one user; its clients must hurry.
local skynet = require "skynet"
local service = require "skynet.service"
local msgserver = require "snax.msgserver"

local name
local gone = 0
local function agent()
	local skynet = require "skynet"
	skynet.register_protocol { name = "client", id = skynet.PTYPE_CLIENT, unpack = skynet.tostring }
	skynet.start(function()
		skynet.dispatch("client", function(_, _, text) skynet.ret("agent: " .. text) end)
	end)
end

local server = { handshake_time = 30 }

function server.register_handler(servername) name = servername end

function server.login_handler(uid, secret)
	local username = msgserver.username(uid, 1, name)
	msgserver.login(username, secret)
	return username
end

function server.logout_handler() end

function server.kick_handler() return gone end

function server.disconnect_handler() gone = gone + 1 end

function server.request_handler(_, message)
	if message == "number" then return 7 end
	if message == "stuck" then
		skynet.setenv("stuck_request", tostring(coroutine.running()))
		skynet.wait()
	end
	if message == "pass on" then return skynet.tostring(skynet.rawcall(service.new("agent", agent), "client", message)) end
	return message
end

msgserver.start(server)
