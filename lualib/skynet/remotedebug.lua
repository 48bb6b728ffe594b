--- The debugger inside a service: evaluates what the console's `debug` command sends, and breaks at the next message
--- of a protocol to step through its handler. Loaded when a debugger attaches.
local skynet = require "skynet"
local debugchannel = require "skynet.debugchannel"
local socketdriver = require "skynet.socketdriver"
local injectcode = require "skynet.injectcode"

local lua_yield, lua_resume, status = coroutine.yield, coroutine.resume, coroutine.status
local running = coroutine.running

local POLL = 10 -- 1/100 s between two looks at an empty channel
local MAX_SHOWN = 64 * 1024 -- bytes of one value that are sent to the console

local M = {}

local fd ---@type integer?  the console's connection; nil while no debugger is attached
local channel ---@type any  brings its lines
local watched = {} ---@type table<string, { original: function, wrapper: function }>

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

-- The stack depth of the running function, counted in levels. Only comparisons between calls make sense.
local function depth()
	local level = 1
	while debug.getinfo(level, "l") do level = level + 1 end
	return level
end

-- Runs `f` in a coroutine of its own, line by line. What f yields goes on to the task; a yield without values is the
-- hook's: the coroutine stands at a line. While it stands, the whole service stands.
local run_stepwise

local function watch(name, condition)
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

local function detach()
	for name in pairs(watched) do unwatch(name) end
	fd = nil
end

-- The level of the Lua function that `co` stands in.
local function lua_level(co)
	local level = 0
	while true do
		local info = debug.getinfo(co, level, "Sl")
		if not info or info.what ~= "C" then return level, info end
		level = level + 1
	end
end

-- Talks with the console until it says how to go on: "n", "s" or "c".
local function stand(co)
	local level, info = lua_level(co)
	local prompt = info and string.format("%s(%d)>", info.short_src, info.currentline) or "?>"
	write(prompt)
	while true do
		local line = channel:read(1)
		if line == "n" or line == "s" or line == "c" then return line end
		if line == "cont" then
			detach()
			return "c"
		end
		if line then
			evaluate(line, co, level)
			write(prompt)
		end
	end
end

function run_stepwise(f, ...)
	local co = coroutine.create(f)
	local how = "s"
	local here -- depth at the last stop
	debugchannel.sethook(co, function()
		-- LuaJIT's hook sees all coroutines.
		if running() ~= co then return false end
		if how == "n" and depth() > here then return false end
		here = depth()
		return true
	end, "l")

	local function go_on(ok, what, ...)
		if status(co) == "dead" then
			if not ok then error(debug.traceback(co, tostring(what)), 0) end
			return what, ...
		end
		if what ~= nil then return go_on(lua_resume(co, lua_yield(what, ...))) end
		if fd then
			how = stand(co)
		else
			how = "c"
		end
		if how == "c" then debug.sethook(co) end
		return go_on(lua_resume(co))
	end
	return go_on(lua_resume(co, ...))
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
	local prompt = skynet.address(skynet.self()) .. ">"
	write(prompt)
	while fd do
		local line = channel:read()
		if line == "cont" then
			detach()
		elseif line then
			evaluate(line)
			write(prompt)
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
