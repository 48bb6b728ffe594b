-- Has QQ check a text. Needs the network and an account. Started by etc/config.test-qqapi.
local skynet = require "skynet"
local log = require "log"
local qqapi = require "qqapi"

skynet.start(function()
	log.info("check_msg:", qqapi.check_msg "hello world")
	skynet.exit()
end)
