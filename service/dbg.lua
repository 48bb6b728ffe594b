--- One command for the launcher, printed: `dbg LIST`, `dbg STAT`, `dbg MEM`, ...
local skynet = require "skynet"

local command = { ... }
local unpack = table.unpack or unpack ---@diagnostic disable-line: deprecated

local function sorted_keys(t)
	local keys = {}
	for key in pairs(t) do keys[#keys + 1] = key end
	table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
	return keys
end

local function one_line(value)
	if type(value) ~= "table" then return tostring(value) end
	local parts = {}
	for i, key in ipairs(sorted_keys(value)) do parts[i] = string.format("%s:%s", tostring(key), tostring(value[key])) end
	return table.concat(parts, "\t")
end

skynet.start(function()
	-- Numbers are times to wait.
	for i = 2, #command do command[i] = tonumber(command[i]) or command[i] end
	local ok, answer = pcall(skynet.call, ".launcher", "lua", unpack(command))
	if ok and type(answer) == "table" then
		for _, key in ipairs(sorted_keys(answer)) do print(tostring(key) .. "\t" .. one_line(answer[key])) end
	else
		print(tostring(answer))
	end
	skynet.exit()
end)
