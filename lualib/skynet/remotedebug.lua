--- The debugger inside a service: evaluates what the console's `debug` command sends, and breaks at the next message
--- of a protocol to step through its handler. Loaded when a debugger attaches.
--
-- A task that stands at a line is one that waits: its line hook has suspended it, and it goes on when it is woken. So
-- the service handles other messages meanwhile, and talks with the console in the task that M.start runs in.
local jit = rawget(_G, "jit") -- as in skynet.engine
local skynet = require "skynet"
local scheduler = require "skynet.scheduler"
local debugchannel = require "skynet.debugchannel"
local socketdriver = require "skynet.socketdriver"
local injectcode = require "skynet.injectcode"

local running = coroutine.running

local POLL = 10 -- 1/100 s between two looks at an empty channel
local POLL_STEPPING = 1 -- the same while a task runs line by line: a step is waited for
local MAX_SHOWN = 64 * 1024 -- bytes of one value that are sent to the console
local OWN_SOURCE = debug.getinfo(1, "S").source

local M = {}

---@class skynet.remotedebug.step  the task that runs line by line
---@field co thread
---@field how? "n"|"s"  how it goes on from its last stop
---@field depth? integer  of its last stop
---@field lines table<integer, integer>  by depth: the line of the last stop there
---@field stop? { prompt: string, locals: string[] }  while it stands

local fd ---@type integer?  the console's connection; nil while no debugger is attached
local channel ---@type any  brings its lines
local watched = {} ---@type table<string, { original: function, wrapper: function }>
local step ---@type skynet.remotedebug.step?

local function write(text)
	socketdriver.send(fd, text)
end

local function text_of(value)
	local ok, text = pcall(tostring, value)
	return ok and type(text) == "string" and text or "(" .. type(value) .. " without a text)"
end

local function show(separator_after_last, ...)
	local words = {}
	for i = 1, select("#", ...) do words[i] = text_of((select(i, ...))):sub(1, MAX_SHOWN) end
	write(table.concat(words, "\t") .. (separator_after_last and "\t\n" or "\n"))
end

local function unwatch(name)
	local watch = watched[name]
	watched[name] = nil
	-- The service may have installed a new function since.
	if watch and skynet.dispatch(name) == watch.wrapper then skynet.dispatch(name, watch.original) end
end

local function write_prompt()
	if fd then write(skynet.address(skynet.self()) .. ">") end
end

-- Whether a request is one to stop at. A condition that raises stops none, and fails none: it is told to who has set it.
local function holds(condition, ...)
	local ok, result = pcall(condition, ...)
	if ok then return result end
	if fd then
		show(false, result)
		write_prompt()
	end
	return false
end

local run_stepwise

local function watch(name, condition)
	if condition ~= nil and type(condition) ~= "function" then error("the condition is a function, not a " .. type(condition), 2) end
	local original = skynet.dispatch(name)
	if not original then error("protocol " .. tostring(name) .. " has no dispatch function", 2) end
	unwatch(name)
	original = skynet.dispatch(name)
	local function wrapper(session, source, ...)
		-- One task at a time; and one whose own coroutine runs, as that is what can be made to wait.
		if step or running() ~= scheduler.running() or condition and not holds(condition, session, source, ...) then
			return original(session, source, ...)
		end
		unwatch(name)
		return run_stepwise(original, session, source, ...)
	end
	watched[name] = { original = original, wrapper = wrapper }
	skynet.dispatch(name, wrapper)
end

local names = {
	print = function(...) show(false, ...) end,
	watch = watch,
}

local function evaluate(line, co, locals)
	local function results(ok, ...)
		if not ok then
			show(false, (...))
		elseif select("#", ...) > 0 then
			show(true, ...)
		end
	end
	results(injectcode(line, co, 0, names, locals))
end

-- Lets the task run freely that runs line by line.
local function unhook()
	debugchannel.sethook(step.co)
	step = nil
	write_prompt()
end

-- Lets the task that stands go on: to the next line, into a function, or freely ("c").
local function go_on(how)
	local task = step
	task.how, task.stop = how, nil
	if how == "c" then unhook() end
	skynet.wakeup(task)
end

local function detach()
	fd = nil
	for name in pairs(watched) do unwatch(name) end
	if step then go_on "c" end
end

-- The number of levels of the running stack. Only comparisons between calls from one place make sense. To look at a
-- level takes time for each level above it: hence no look at all of them.
local function depth()
	local there, missing = 1, 2
	while debug.getinfo(missing, "l") do there, missing = missing, missing * 2 end
	while missing - there > 1 do
		local middle = math.floor((there + missing) / 2)
		if debug.getinfo(middle, "l") then there = middle else missing = middle end
	end
	return there
end

-- Whether depth() were more, called from the same place.
local function is_deeper(than)
	return debug.getinfo(than + 1, "l") ~= nil
end

-- The names of the locals of the function that has been interrupted by the hook, which calls this. Once the coroutine
-- is suspended, both engines take it to be at the instruction before, where the latest local has no name yet.
local function names_of_locals()
	local found = {}
	while true do
		local name = debug.getlocal(3, #found + 1)
		if not name then return found end
		found[#found + 1] = name
	end
end

-- Whether the event is for a line that was stopped at before and has not been left since: LuaJIT has a line again when
-- the coroutine goes on in the middle of it, and when a function returns there.
local function reported(now, line)
	if not jit then return false end
	local lines = step.lines
	for deeper in pairs(lines) do
		if deeper > now then lines[deeper] = nil end
	end
	local again = lines[now] == line
	lines[now] = line
	return again
end

-- Where it may not yield (in a function that C code has called, say to compare for a sort) the task does not stop.
local function hook(_, line, may_yield)
	if not may_yield or step.how == "n" and is_deeper(step.depth) then return false end
	local info, now = debug.getinfo(2, "S"), depth()
	if info.source == OWN_SOURCE or reported(now, line) then return false end
	-- Not so in what is left to run when another task closes this one.
	if not scheduler.stand(step) then return false end
	step.depth = now
	step.stop = { prompt = string.format("%s(%d)>", info.short_src, line), locals = names_of_locals() }
	write(step.stop.prompt)
	return true
end

local function traceback(err)
	return debug.traceback(text_of(err), 2)
end

local function finish(task, ok, ...)
	if step == task then unhook() end
	if not ok then error((...), 0) end
	return ...
end

-- Calls f(...) and stands at its first line.
function run_stepwise(f, ...)
	local task = { co = running(), lines = {} }
	step = task
	debugchannel.sethook(task.co, hook, "l")
	return finish(task, xpcall(f, traceback, ...))
end

-- Where the task stands, if it does.
local function current_stop()
	if step and not scheduler.is_task(step.co) then unhook() end -- it was killed
	return step and step.stop
end

-- What a line of the console means while a task stands.
local function at_stop(stop, line)
	if line == "n" or line == "s" or line == "c" then
		go_on(line)
		skynet.yield() -- the task runs now; the next line is for where it stands then
		return
	end
	evaluate(line, step.co, stop.locals)
	if current_stop() == stop then write(stop.prompt) end
end

-- Compiled traces do not call hooks.
local function set_jit(on)
	if not jit then return end
	if on then
		jit.on()
	else
		jit.off()
		jit.flush()
	end
end

--- Serves a debugger until it leaves. Answers the request: false at once when another one is attached, true at the
--- end.
---@async
---@param socket_id integer  where output goes
---@param handle lightuserdata  the channel that brings the lines
function M.start(socket_id, handle)
	if fd then
		skynet.retpack(false)
		return
	end
	fd, channel = socket_id, debugchannel.connect(handle)
	skynet.error "Enter debug mode"
	set_jit(false)
	write_prompt()
	while fd do
		local line, stop = channel:read(), current_stop()
		if not line then
			skynet.sleep(step and POLL_STEPPING or POLL)
		elseif line == "cont" then
			detach()
		elseif stop then
			at_stop(stop, line)
		else
			evaluate(line)
			write_prompt()
		end
	end
	set_jit(true)
	channel = nil
	skynet.error "Leave debug mode"
	skynet.retpack(true)
end

return M
