--- QQ's check of texts that players write. Needs `enablessl = true`, `qq_appid` and `qq_secret` in the config.
local skynet = require "skynet"
local config = require "config"
local httpc = require "http.httpc"
local json = require "json"
local log = require "log"

local qqapi = {}

local HOST = "https://api.q.qq.com"
local TOKEN_URL = "/api/getToken?grant_type=client_credential&appid=%s&secret=%s"
local CHECK_URL = "/api/json/security/MsgSecCheck?access_token=%s"

local access_token
local expires = 0 -- skynet.time() at which the token ends

--- Fetches an access token, unless the one at hand is still valid. Raises when the server cannot be reached.
---@async
function qqapi.refresh_access_token()
	if access_token and skynet.time() < expires then return end
	local appid = config.get "qq_appid"
	local status, body = httpc.request("GET", HOST, TOKEN_URL:format(appid, config.get "qq_secret"))
	-- The secret and the token stay out of the log.
	log.info("refresh_access_token. url:", HOST .. TOKEN_URL:format(appid, "***"), ",ret:", status)
	if status ~= 200 then return end
	local ok, answer = pcall(json.decode, body)
	if not ok or type(answer) ~= "table" or answer.errcode ~= 0 then return end
	access_token = answer.access_token
	expires = skynet.time() + (tonumber(answer.expires_in) or 0)
end

--- Whether a text may be shown. false also when the server gives no clear answer.
---@async
---@param text string
---@return boolean ok
function qqapi.check_msg(text)
	qqapi.refresh_access_token()
	if not access_token then return false end
	local content = json.encode { appid = config.get "qq_appid", content = text }
	local header = { ["content-type"] = "application/json" }
	local status, body = httpc.request("POST", HOST, CHECK_URL:format(access_token), nil, header, content)
	if status ~= 200 then return false end
	local ok, answer = pcall(json.decode, body)
	return ok and type(answer) == "table" and answer.errCode == 0
end

return qqapi
