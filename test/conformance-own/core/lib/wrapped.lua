-- A service that counts its messages in a dispatch_message of its own.
local skynet = require "skynet"

local plain, types = skynet.dispatch_message, {}

function skynet.dispatch_message(ptype, ...)
	types[#types + 1] = ptype
	return plain(ptype, ...)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, what)
		if what == "sleep" then skynet.sleep(1) end
		if what == "fail" then error "expected" end
		skynet.retpack(types)
	end)
end)
