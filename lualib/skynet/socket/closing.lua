--- Closes connections to peers that may never read what still waits for them: after socket.close() it waits for ever, and
--- takes memory as long.
local driver = require "skynet.socketdriver"
local deadlines = require "skynet.deadlines"
local socket = require "skynet.socket"

--- A function that closes an id of this service. The peer may take its time; when it reads nothing for `patience`, it is
--- cut off.
---@param patience integer  cs
---@return async fun(id: integer) close
return function(patience)
	local taken = {} ---@type table<integer, integer>  bytes, when they were looked at last
	local leaving

	local function look(id)
		local left, before = driver.unsent(id), taken[id]
		taken[id] = nil
		if left == 0 then return end
		local now = driver.acknowledged(id) or -left
		if now == before then return driver.shutdown(id) end
		taken[id] = now
		leaving:add(id)
	end

	leaving = deadlines(patience, look)
	return function(id)
		socket.close(id)
		look(id)
	end
end
