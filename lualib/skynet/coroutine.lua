--- The coroutine library for services. Code in a coroutine of this module may call blocking functions of skynet:
--- the whole task blocks, and `resume` returns at the next `yield` or at the end.
--
-- A blocking function yields the single value "SUSPEND" and wants what the next resume brings. resume() below hands
-- both through, level by level, between the innermost coroutine and the task. A `yield` of this module marks its
-- values with YIELDED, so that no value of the program is mistaken for a suspension.
local engine = require "skynet.engine"

local create, lua_resume, lua_yield = coroutine.create, coroutine.resume, coroutine.yield
local lua_status, running = coroutine.status, coroutine.running

local YIELDED = {}

local M = {}

---@type table<thread, true|"ended"|"failed"|"closed">  made by this module; how it ended is only known where `over` says so
local known = setmetatable({}, { __mode = "k" })
local errors = setmetatable({}, { __mode = "k" }) ---@type table<thread, any>  of those that failed
local drivers = setmetatable({}, { __mode = "kv" }) ---@type table<thread, thread>  the task that resumed it last
local blocked = setmetatable({}, { __mode = "k" }) ---@type table<thread, boolean>  waits in the framework

M.running = running
M.isyieldable = coroutine.isyieldable

--- Like coroutine.create.
---@param f function
---@return thread
function M.create(f)
	local co = create(f)
	known[co] = true
	return co
end

--- The task that drives a coroutine, and false; for a task itself: the task, true.
---@param co? thread  default: the running one
---@return thread? task
---@return boolean is_task
function M.thread(co)
	co = co or running()
	if not known[co] then return co, true end
	return drivers[co], false
end

local hand_on

local function yielded(_, ...)
	return true, ...
end

-- What ends a resume by no yield of this module. LuaJIT does not keep what close() is to tell.
local function over(co, ok, ...)
	if known[co] == true and lua_status(co) == "dead" then
		known[co] = ok and "ended" or "failed"
		if not ok then errors[co] = (...) end
	end
	return ok, ...
end

if coroutine.close then
	function over(_, ...) return ... end
end

-- What a resume of `co` gave: goes on for as long as it only suspends. As many values go on as came.
local function settle(co, ok, ...)
	if ok then
		local first = ...
		if first == YIELDED then return yielded(...) end
		if first == "SUSPEND" and lua_status(co) == "suspended" then
			blocked[co] = true
			return hand_on(co, lua_yield "SUSPEND")
		end
	end
	return over(co, ok, ...)
end

function hand_on(co, ...)
	blocked[co] = nil
	return settle(co, lua_resume(co, ...))
end

-- When the task ends while `co` is blocked, the variables of `co` that wait to be closed are closed with its own. Lua 5.4
-- closes the fourth value of a `for` whose body is left; on LuaJIT nothing is to be closed.
local guard_meta = {
	__close = function(guard)
		local co = guard.co
		if not blocked[co] then return end
		blocked[co] = nil
		known[co] = "closed"
		engine.close(co)
	end,
}

local function once(_, turn)
	if not turn then return true end
end

local function settle_first(co, ok, ...)
	if not ok or ... ~= "SUSPEND" or lua_status(co) ~= "suspended" then return settle(co, ok, ...) end
	for _ in once, nil, nil, setmetatable({ co = co }, guard_meta) do return settle(co, ok, ...) end
end

--- Like coroutine.resume, for coroutines of this module. Blocks when the coroutine blocks in the framework.
---@async
---@param co thread
---@return boolean ok
---@return any ...
function M.resume(co, ...)
	if blocked[co] then return false, "cannot resume a skynet coroutine suspend by skynet framework" end
	if not known[co] then return false, "cannot resume none skynet coroutine" end
	if known[co] == "closed" then return false, "cannot resume dead coroutine" end
	drivers[co] = M.thread()
	return settle_first(co, lua_resume(co, ...))
end

--- Like coroutine.yield; raises in a task that no resume of this module drives.
---@async
function M.yield(...)
	if not known[running()] then error("Call skynet.coroutine.yield out of skynet.coroutine.resume", 2) end
	return lua_yield(YIELDED, ...)
end

local function raise_or_return(ok, ...)
	if not ok then error((...), 0) end
	return ...
end

--- Like coroutine.wrap. Errors are raised again, as they are.
---@param f function
---@return async fun(...: any): ...
function M.wrap(f)
	local co = M.create(f)
	return function(...)
		return raise_or_return(M.resume(co, ...))
	end
end

--- Like coroutine.status; "blocked" while the coroutine waits in the framework.
---@param co thread
---@return "blocked"|"dead"|"normal"|"running"|"suspended"
function M.status(co)
	if blocked[co] then return "blocked" end
	if known[co] == "closed" then return "dead" end
	return lua_status(co)
end

--- Like coroutine.close. A coroutine that waits in the framework cannot be closed.
---@param co thread
---@return boolean ok  false: it had ended with an error, or what was to be closed in it raised
---@return any err
function M.close(co)
	local status = M.status(co)
	if status ~= "suspended" and status ~= "dead" then error("cannot close a " .. status .. " coroutine", 2) end
	local how = known[co]
	if how then known[co] = "closed" end
	if how == "failed" then
		local err = errors[co]
		errors[co] = nil
		return false, err
	end
	return engine.close(co)
end

return M
