-- Reads more from a redis than its memory takes: hungry_redis LIMIT PORT. Helper of memory_limit_test.
local skynet = require "skynet"
local redis = require "skynet.db.redis"

local limit, port = ...

skynet.memlimit(tonumber(limit))

skynet.start(function()
	local db = redis.connect { host = "127.0.0.1", port = tonumber(port) }
	skynet.dispatch("lua", function(_, _, key)
		local value = db:get(key)
		skynet.retpack(type(value) == "table" and #value or value)
	end)
end)
