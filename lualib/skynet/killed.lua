--- The tasks that skynet.killthread has ended. What such a task was in (a queue, the load of a module) has to go on
--- without it, so those who keep such things listen here.
local status = coroutine.status

local M = {}

-- On LuaJIT the coroutine itself does not show it.
local killed = setmetatable({}, { __mode = "k" }) ---@type table<thread, true>
local listeners = setmetatable({}, { __mode = "k" }) ---@type table<any, fun(co: thread)>

--- Calls `f(co)` whenever a task has been killed, for as long as `owner` lives. `f` must not block; if it
--- refers to `owner`, somebody has to end it.
---@param owner any  one listener each
---@param f? fun(co: thread)  nil: no longer
function M.listen(owner, f)
	listeners[owner] = f
end

--- Whether a coroutine will never run again.
---@param co thread
---@return boolean
function M.is_gone(co)
	return killed[co] or status(co) == "dead"
end

--- Tells the listeners. For those who kill.
---@param co thread
function M.tell(co)
	killed[co] = true
	local told = {}
	for owner, f in pairs(listeners) do told[owner] = f end
	for _, f in pairs(told) do f(co) end
end

return M
