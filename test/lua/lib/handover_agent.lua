-- Takes connections over, in the way that its argument says, and serves them to their end.
local skynet = require "skynet"
local socket = require "skynet.socket"
local websocket = require "http.websocket"

local CMD = {}

function CMD.plain(id)
	local ok, err = socket.start(id)
	if ok then
		while socket.read(id) do end
	end
	socket.close(id)
	return ok, err
end

function CMD.ws(id) return websocket.accept(id, {}, "ws") end
function CMD.wss(id) return websocket.accept(id, {}, "wss") end

-- Starts it, and gives it up at once.
function CMD.passing(id)
	local ok, err = socket.start(id)
	if ok then socket.abandon(id) end
	return ok, err
end

-- Ends with the connection in its hands.
function CMD.dying(id)
	socket.start(id)
	skynet.exit()
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, id)
		skynet.ignoreret()
		CMD[cmd](id)
	end)
end)
