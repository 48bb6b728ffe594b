--- The start service of a further node of the discovery tests: "@echo" answers who it is.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local other_node = require "other_node"

local NAME = skynet.getenv "node"
local command = {}

function command.who(...) return NAME, ... end

function command.slow(ticks, ...)
	skynet.sleep(ticks)
	return NAME, ...
end

function command.nodes()
	local list = {}
	for i, node in ipairs(cluster.nodes()) do list[i] = node.name end
	return table.concat(list, " ")
end

--- Notes in a file that this request was handled.
local notes
function command.note(n)
	if not notes then
		notes = assert(io.open(skynet.getenv "notes", "a"))
		notes:setvbuf "line"
	end
	notes:write(n, "\n")
	return n
end

skynet.start(function()
	skynet.dispatch("lua", function(session, _, name, ...)
		if session == 0 then command[name](...) else skynet.retpack(command[name](...)) end
	end)
	other_node.guard()
	cluster.register "echo"
end)
