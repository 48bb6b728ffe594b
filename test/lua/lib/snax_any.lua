-- A helper of the Lua tests: tells its engine.
local skynet = require "skynet"

function response.engine() return skynet.engine() end
