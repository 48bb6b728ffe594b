-- The native cjson. Runs in a plain Lua interpreter, in the folder of the project:
--     ./3rd/lua/lua test/test-cjson.lua
-- and as a service, started by etc/config.test-cjson.
if not SERVICE_NAME then package.cpath = "luaclib/?.so;" .. package.cpath end
local cjson = require "cjson"

print(cjson.encode { a = 1, b = { 3, 2, 3, 4 } })

if SERVICE_NAME then
	local skynet = require "skynet"
	skynet.start(skynet.exit)
end
