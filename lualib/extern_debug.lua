--- The debug command SNAPSHOT: what a service holds now that it did not hold at the last SNAPSHOT. It can be put into a
--- running service: have its debug command RUN call `require "extern_debug".init()`.
local skynet = require "skynet"
local debug_commands = require "skynet.debug"
local snapshot = require "snapshot"
local snapshot_utils = require "snapshot_utils"

local extern_debug = {}

local old_snapshot

local function new_objects()
	collectgarbage()
	local now = snapshot()
	local added = {}
	for object, text in pairs(old_snapshot and now or {}) do
		if old_snapshot[object] == nil then added[object] = text end
	end
	old_snapshot = now
	return snapshot_utils.construct_indentation(added)
end

--- Registers the command. The first SNAPSHOT gives an empty table, each later one the forest that
--- `snapshot_utils.construct_indentation` makes of the new objects.
function extern_debug.init()
	debug_commands.reg_debugcmd("SNAPSHOT", function()
		skynet.ret(skynet.pack(new_objects()))
	end)
end

return extern_debug
