-- Answers with more than the asker's limit allows. Helper of memory_limit_test.
local skynet = require "skynet"

skynet.start(function()
	skynet.dispatch("lua", function()
		local all = {}
		for i = 1, 200000 do all[i] = { i } end
		skynet.retpack(all)
	end)
end)
