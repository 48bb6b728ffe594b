-- Its start function waits until somebody ends the service.
local skynet = require "skynet"

skynet.start(function() skynet.wait {} end)
