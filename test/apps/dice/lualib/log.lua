-- The application's own module of a name that the tree beside it has as well.
local skynet = require "skynet"

local log = {}

function log.line(format, ...)
	skynet.error(format:format(...))
end

return log
