--- Prints who uses how much C memory, and ends.
local skynet = require "skynet"
local memory = require "skynet.memory"

skynet.start(function()
	memory.dumpinfo()
	local handles, info = {}, memory.info()
	for handle in pairs(info) do handles[#handles + 1] = handle end
	table.sort(handles)
	for _, handle in ipairs(handles) do print(string.format(":%08x\t%d", handle, info[handle])) end
	print(string.format("total\t%d", memory.total()))
	print(string.format("block\t%d", memory.block()))
	skynet.exit()
end)
