-- A login server whose clients must hurry.
local login = require "snax.loginserver"
local skynet = require "skynet"

login {
	host = "127.0.0.1",
	port = tonumber(skynet.getenv "port"),
	name = "hasty",
	instance = 2,
	handshake_time = 30,
	auth_handler = function(token)
		if token == "slow" then
			skynet.setenv("slow_login", "begun")
			skynet.wait()
		end
		if token ~= "token" and token ~= "stuck" then error "who is that" end
		return "server", token
	end,
	login_handler = function(_, uid)
		if uid == "stuck" and not skynet.getenv "stuck_login" then
			skynet.setenv("stuck_login", tostring(coroutine.running()))
			skynet.wait()
		end
		return 42
	end,
	command_handler = function() end,
}
