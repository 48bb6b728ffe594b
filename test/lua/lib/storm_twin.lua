-- The worker of storm_test.lua under a name that a config may put on the other engine.
local skynet = require "skynet"

local path = skynet.getenv("case_dir") .. "/lib/storm_worker.lua"
return assert(loadfile(path))(...)
