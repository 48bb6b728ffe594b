--- Starts services by hand: reads lines from stdin, `NAME ARGS` or `snax NAME ARGS`. Ends with the input.
local skynet = require "skynet"
local socket = require "skynet.socket"
local snax = require "skynet.snax"

local unpack = table.unpack or unpack ---@diagnostic disable-line: deprecated

local function run(line)
	local words = {}
	for word in line:gmatch "%S+" do words[#words + 1] = word end
	if words[1] == nil then return end
	local ok, err
	if words[1] == "snax" then
		ok, err = pcall(snax.newservice, unpack(words, 2))
	else
		ok, err = pcall(skynet.newservice, unpack(words))
	end
	if not ok then skynet.error(string.format("Can't start %s: %s", line, tostring(err))) end
end

skynet.start(function()
	skynet.fork(function()
		local ok, input = pcall(socket.stdin)
		if ok then
			while true do
				local line = socket.readline(input)
				if not line then break end
				run(line)
			end
		else
			-- A plain file cannot be waited for.
			skynet.error("Can't read stdin: " .. tostring(input))
		end
		skynet.exit()
	end)
end)
