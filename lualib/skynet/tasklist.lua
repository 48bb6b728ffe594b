--- The blocked coroutines of a service, for those who look for what it waits for. A part of skynet.
local scheduler = require "skynet.scheduler"
local loading = require "skynet.require"
local killed = require "skynet.killed"

local M = {}

-- "BREAK" stands for a wait that was cancelled and whose answer is still to come.
local function trace_of(task)
	if task.co == "BREAK" then return "BREAK" end
	local origins = scheduler.timer_origins -- of timers that have not fired (skynet.trace)
	return origins and origins[task.co] or debug.traceback(task.co)
end

--- Looks at the blocked coroutines.
---@param what? table|integer|thread|"init"
---  nothing: how many there are. A table: filled with `thread: 0x... session: N` -> traceback.
---  A session: the traceback of who waits for it, or "No session". A coroutine: the session that it waits for, or nil.
---  "init": the traceback of the start function while that runs, else nil.
---@return integer|string|nil
function M.task(what)
	local kind = type(what)
	if what == nil then return scheduler.blocked() end
	if what == "init" then
		local co = loading.starting
		return co and debug.traceback(co)
	end
	for _, task in ipairs(scheduler.tasks()) do
		if kind == "table" then
			what[string.format("%s session: %d", task.co, task.session)] = trace_of(task)
		elseif kind == "thread" then
			if task.co == what then return task.session end
		elseif task.session == what then
			return trace_of(task)
		end
	end
	if kind == "number" then return "No session" end
	return nil
end

--- The blocked coroutines by where they wait: `N\tsessions:[a,b]\n` -> traceback, of each at most 9 sessions.
---@return table<string, string>
function M.uniqtask()
	local groups = {}
	for _, task in ipairs(scheduler.tasks()) do
		local trace = trace_of(task)
		local sessions = groups[trace]
		if not sessions then
			sessions = {}
			groups[trace] = sessions
		end
		sessions[#sessions + 1] = task.session
	end
	local result = {}
	for trace, sessions in pairs(groups) do
		local n = #sessions
		table.sort(sessions)
		if n > 10 then
			sessions[10] = "..."
			for i = n, 11, -1 do sessions[i] = nil end
		end
		result[string.format("%d\tsessions:[%s]\n", n, table.concat(sessions, ","))] = trace
	end
	return result
end

--- Ends a task that blocks or has not started.
---@param what thread|string  the coroutine, or a part (a pattern) of its tostring
---@return thread? ended
function M.killthread(what)
	local co = what
	if type(what) == "string" then
		co = nil
		for _, task in ipairs(scheduler.tasks()) do
			if type(task.co) == "thread" and tostring(task.co):find(what) then
				co = task.co
				break
			end
		end
	end
	if not co or not scheduler.kill(co) then return nil end
	killed.tell(co)
	return co
end

return M
