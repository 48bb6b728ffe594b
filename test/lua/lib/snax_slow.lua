-- Its init waits until somebody ends the service.
local skynet = require "skynet"

function init() skynet.wait {} end
