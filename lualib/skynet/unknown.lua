--- What happens to messages that nobody handles. A part of skynet; loaded at the first such message, too.
local skynet = require "skynet"
local scheduler = require "skynet.scheduler"

local M = {}

local function unknown_response(session, address, msg, sz)
	skynet.error(string.format("Response message : %s", skynet.tostring(msg, sz) or ""))
	error(string.format("Unknown session : %d from %x", session, address), 0)
end

local function unknown_request(session, address, msg, sz, prototype)
	skynet.error(string.format("Unknown request (%s): %s", prototype, skynet.tostring(msg, sz) or ""))
	error(string.format("Unknown session : %d from %x", session, address), 0)
end

--- Replaces what happens to an answer that nobody waits for.
---@param f fun(session: integer, address: integer, msg: lightuserdata, sz: integer)
---@return function previous
function M.dispatch_unknown_response(f)
	local previous = unknown_response
	unknown_response = f
	scheduler.adopt { unknown_response = f }
	return previous
end

--- Replaces what happens to a message that no protocol handles and that wants no answer.
---@param f fun(session: integer, address: integer, msg: lightuserdata, sz: integer, prototype: integer|string)
---@return function previous
function M.dispatch_unknown_request(f)
	local previous = unknown_request
	unknown_request = f
	scheduler.adopt { unknown_request = f }
	return previous
end

scheduler.adopt { unknown_response = unknown_response, unknown_request = unknown_request }

return M
