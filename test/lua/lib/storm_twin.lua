-- The worker of storm_test.lua, under a name that the config puts on LuaJIT.
local skynet = require "skynet"

local path = skynet.getenv("case_dir") .. "/lib/storm_worker.lua"
return assert(loadfile(path))(...)
