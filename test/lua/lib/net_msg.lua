-- A msgserver for one user; its clients must hurry.
local skynet = require "skynet"
local msgserver = require "snax.msgserver"

local name
local gone = 0
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
	return message
end

msgserver.start(server)
