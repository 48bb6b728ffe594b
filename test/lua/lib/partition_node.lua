--- The start service of a node that calls others all the time, and notes in a file when what it sees of them changes: lines
--- of the time in ms, and "join NAME", "leave NAME", "answers NAME" or "fails NAME: why". Config: notes; peers, their names.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local other_node = require "other_node"

local NAME = skynet.getenv "node"

skynet.start(function()
	skynet.dispatch("lua", function() skynet.retpack(NAME) end)
	other_node.guard()
	cluster.register "echo"
	local file = assert(io.open(skynet.getenv "notes", "a"))
	file:setvbuf "line"
	local function note(text) file:write(string.format("%.0f %s\n", skynet.time() * 1000, text)) end
	cluster.watch(function(event, node) note(event .. " " .. node.name) end)
	for peer in skynet.getenv "peers":gmatch "%w+" do
		skynet.fork(function()
			local last
			while true do
				local ok, err = pcall(cluster.call, peer, "@echo", "who")
				local text = ok and "answers " .. peer or "fails " .. peer .. ": " .. tostring(err)
				if text ~= last then note(text) end
				last = text
				skynet.sleep(10)
			end
		end)
	end
end)
