-- Makes a token of each vendor's SDK. Started by etc/config.test-sdk.
local skynet = require "skynet"
local agora = require "agora"
local tencentyun = require "tencentyun"
local log = require "log"

local DAY = 24 * 60 * 60
local SDK_APP_ID = 1400427955
local SDK_KEY = "8fae1a1b1f1d0c3b5a6978c0d1e2f30415263748596a7b8c9dae0fb1c2d3e4f5"
local APP_ID = "c079635118154c9aad3a5e696423b5ca"
local APP_CERTIFICATE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

skynet.start(function()
	local _, imsig = tencentyun.gen_sig(SDK_APP_ID, "123456", SDK_KEY, 180 * DAY)
	log.info("test tencentyun ok. imsig:", imsig)
	local expire = math.floor(skynet.time()) + DAY
	local token = agora.build_token_with_uid(APP_ID, APP_CERTIFICATE, "channel", 123456, expire)
	log.info("test agora ok. rtctoken:", token)
	skynet.exit()
end)
