--- Answers that are given later. A part of skynet.
local skynet = require "skynet"
local core = require "skynet.core"
local scheduler = require "skynet.scheduler"

local M = {}

---@type table<function, integer|false>  response closures that are open -> who waits; false when that one is dead
local open_responses = {}

--- Takes the current request over: the closure that is returned answers it, from any task.
--- `r(true, ...)` answers, `r(false)` fails the call, `r("TEST")` asks whether the caller still waits.
---@param pack? function  of the answer's values; default skynet.pack
---@return fun(ok: boolean|"TEST", ...): boolean?
function M.response(pack)
	pack = pack or skynet.pack
	local session, source = scheduler.take_request()
	if session == 0 then return function() end end

	local function response(ok, ...)
		local waiter = open_responses[response]
		if ok == "TEST" then return waiter and true or false end
		if waiter == nil then error("Can't response more than once", 2) end
		local result = false
		if waiter then
			if ok then
				result = core.send(source, skynet.PTYPE_RESPONSE, session, pack(...))
				if result == false then core.send(source, skynet.PTYPE_ERROR, session, "") end -- too large
			else
				result = core.send(source, skynet.PTYPE_ERROR, session, "")
			end
		end
		open_responses[response] = nil
		scheduler.answered(session, source)
		return result and true or false
	end

	open_responses[response] = source
	return response
end

--- What skynet.retpack does once `ret` or `pack` has been replaced.
---@param of table  skynet
function M.retpack(of, ...)
	local ret = of.ret
	local kind = type(ret)
	if kind ~= "function" and kind ~= "table" and kind ~= "userdata" then
		error("attempt to call field 'ret' (a " .. kind .. " value)", 2) -- before there is a message that nobody takes
	end
	return ret(of.pack(...))
end

scheduler.adopt {
	dead = function(source)
		for response, waiter in pairs(open_responses) do
			if waiter == source then open_responses[response] = false end
		end
	end,
}

return M
