--- The debugger inside a service: evaluates what the console's `debug` command sends, and breaks at the next message
--- of a protocol to step through its handler. Loaded when a debugger attaches.
local skynet = require "skynet"
local debugchannel = require "skynet.debugchannel"
local socketdriver = require "skynet.socketdriver"
local injectcode = require "skynet.injectcode"

local running = coroutine.running

local POLL = 10 -- 1/100 s between two looks at an empty channel
local MAX_SHOWN = 64 * 1024 -- bytes of one value that are sent to the console

local M = {}

local fd ---@type integer?  the console's connection; nil while no debugger is attached
local channel ---@type any  brings its lines
local watched = {} ---@type table<string, { original: function, wrapper: function }>
local hooked ---@type thread?  runs line by line

local function write(text)
	socketdriver.send(fd, text)
end

local function show(separator_after_last, ...)
	local words = {}
	for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))):sub(1, MAX_SHOWN) end
	write(table.concat(words, "\t") .. (separator_after_last and "\t\n" or "\n"))
end

local function unwatch(name)
	local watch = watched[name]
	watched[name] = nil
	-- The service may have installed a new function since.
	if watch and skynet.dispatch(name) == watch.wrapper then skynet.dispatch(name, watch.original) end
end

local run_stepwise

local function watch(name, condition)
	-- Nobody else would run, and bring the lines of the debugger, while the service stands.
	if tonumber(skynet.getenv "thread") == 1 then
		error("watch needs a node of two threads or more (thread = 1)", 2)
	end
	local original = skynet.dispatch(name)
	if not original then error("protocol " .. tostring(name) .. " has no dispatch function", 2) end
	unwatch(name)
	original = skynet.dispatch(name)
	local function wrapper(session, source, ...)
		if condition and not condition(session, source, ...) then return original(session, source, ...) end
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

local function evaluate(line, co, level)
	local function results(ok, ...)
		if not ok then
			show(false, (...))
		elseif select("#", ...) > 0 then
			show(true, ...)
		end
	end
	results(injectcode(line, co, level, names))
end

local function write_prompt()
	if fd then write(skynet.address(skynet.self()) .. ">") end
end

-- Lets the coroutine run freely that runs line by line.
local function unhook()
	if not hooked then return end
	debug.sethook(hooked)
	hooked = nil
	write_prompt()
end

local function detach()
	fd = nil
	for name in pairs(watched) do unwatch(name) end
	unhook()
end

-- The level in `co` of the function that `hook` has interrupted.
local function level_below(co, hook)
	local level = 0
	while debug.getinfo(co, level, "f").func ~= hook do level = level + 1 end
	return level + 1
end

-- Talks with the console until it says how to go on: "n", "s" or "c". Runs in a coroutine of its own, so that the
-- stack of `co` is as the hook found it.
local function stand(co, hook, line)
	local level = level_below(co, hook)
	local prompt = string.format("%s(%d)>", debug.getinfo(co, level, "S").short_src, line)
	write(prompt)
	while true do
		local ok, text = pcall(channel.read, channel, 1)
		if not ok or text == "cont" then -- not ok: the service was killed meanwhile
			detach()
			return "c"
		end
		if text == "n" or text == "s" or text == "c" then return text end
		if text then
			evaluate(text, co, level)
			write(prompt)
		end
	end
end

-- The number of levels of the running stack. Only comparisons between calls from one place make sense.
local function depth()
	local level = 1
	while debug.getinfo(level, "l") do level = level + 1 end
	return level
end

local function traceback(err)
	return debug.traceback(tostring(err), 2)
end

local function finish(ok, ...)
	if hooked == running() then unhook() end
	if not ok then error((...), 0) end
	return ...
end

local OWN_SOURCE = debug.getinfo(1, "S").source

-- Calls f(...) and stands at its first line. While it stands, the whole service stands: the hook does not return.
function run_stepwise(f, ...)
	local co = running()
	local how, here -- of the last stop: how to go on from it, its depth
	local function hook(_, line)
		-- LuaJIT's hook sees all coroutines.
		if running() ~= co or debug.getinfo(2, "S").source == OWN_SOURCE then return end
		local now = depth()
		if how == "n" and now > here then return end
		here = now
		how = coroutine.wrap(stand)(co, hook, line)
		if how == "c" then unhook() end
	end
	hooked = co
	debug.sethook(co, hook, "l")
	return finish(xpcall(f, traceback, ...))
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
		local line = channel:read()
		if line == "cont" then
			detach()
		elseif line then
			evaluate(line)
			write_prompt()
		else
			skynet.sleep(POLL)
		end
	end
	set_jit(true)
	channel = nil
	skynet.error "Leave debug mode"
	skynet.retpack(true)
end

return M
