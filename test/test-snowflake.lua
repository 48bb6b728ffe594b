-- Takes ten ids. Started by etc/config.test-snowflake.
local skynet = require "skynet"
local int64 = require "int64"
local log = require "log"
local snowflake = require "snowflake"

skynet.start(function()
	for _ = 1, 10 do
		log.info("snowflake test:", int64.tostring(snowflake.snowflake()))
	end
	skynet.exit()
end)
