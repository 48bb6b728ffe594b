--- The start service of a node that writes `lines` lines of its log, and ends.
local skynet = require "skynet"
require "skynet.manager"
local log = require "log"

skynet.start(function()
	for i = 1, tonumber(skynet.getenv "lines") do
		skynet.error(string.format("line %06d of many", i))
	end
	log.debug "a debug line"
	log.info "an info line"
	log.warn("a warning", "\255")
	skynet.error "\27[31mred\27[0m"
	skynet.timeout(0, skynet.abort)
end)
