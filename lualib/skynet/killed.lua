--- The tasks that skynet.killthread has ended. What such a task was in (a queue, the load of a module, a request) has to
--- go on without it, or to be given back, so those who keep such things listen here.
local scheduler = require "skynet.require".lua_require "skynet.scheduler" -- our own `require` needs this module

local status, running = coroutine.status, coroutine.running

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

--- Calls `f()` when the running task is killed before release(owner), which somebody has to call: what the task holds
--- while it blocks is given back by `f`, which must not block.
---@param owner any  has no other listener
---@param f fun()
function M.hold(owner, f)
	local task = scheduler.running() or running()
	listeners[owner] = function(co)
		if co ~= task then return end
		listeners[owner] = nil
		f()
	end
end

--- Ends hold().
---@param owner any
function M.release(owner)
	listeners[owner] = nil
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
