--- `.launcher`: starts services, tells their creators when they are ready, and knows which ones there are.
local skynet = require "skynet"
require "skynet.manager"
local core = require "skynet.core"
local words = require "skynet.words"

local GONE_WITHIN = 50 -- 1/100 s: how long services may take to end when the node is shut down

local SLOW_START = 500 -- 1/100 s: a service that starts for longer is told in the log
local SLOW_LOOK = 100 -- how often it is looked for such

local ASK_AT_ONCE = 1000 -- services; a request costs a coroutine

---@class launcher.start  a service that has not reported yet
---@field what string        "module arguments"
---@field answer function    tells whoever asked for it
---@field session integer    of that request
---@field source integer
---@field since integer      skynet.now() when it was launched
---@field slow? string       the time of that, once it has been told in the log

local services = {} ---@type table<integer, string>  handle -> "module arguments"
local starting = {} ---@type table<integer, launcher.start>
local watching = false -- tell_slow_starts runs
local draining = false -- the cluster's nodes are told that this one ends
local leaving ---@type { services: table<integer, true>, left: integer }?  who has yet to end; set in a shut-down

-- Others may need these while they end, and they have nothing of their own to finish.
local ENDS_WITH_THE_NODE = {
	["snlua cdummy"] = true,
	["snlua cslave"] = true,
	["snlua cmaster"] = true,
	["snlua datacenterd"] = true,
	["snlua service_mgr"] = true,
	["snlua docstore"] = true,
}

local last_failure = {} ---@type { what: string?, why: string? }  the last service that did not start

-- What a command returns when its answer comes later.
local LATER = {}

local command = {}

-- What a service is at that has not reported. One that has called skynet.start tells where that stands.
local function what_holds_up(handle)
	local request = skynet.request { handle, "debug", "TASK", "init" }
	for _, answer in request:select(100) do
		if answer and answer[1] then return "its start function waits: " .. answer[1] end
	end
	return "its main chunk has not ended, or has not called skynet.start"
end

local function tell_slow_start(handle, start)
	local seconds = (skynet.now() - start.since) / 100
	start.slow = os.date("%Y-%m-%d %H:%M:%S", math.floor(skynet.time() - seconds))
	local why = what_holds_up(handle)
	if starting[handle] ~= start then return end
	skynet.error(string.format("%s (%s) has not started since %s: %s", skynet.address(handle), start.what, start.slow, why))
end

-- Looks at those who start, for as long as there are some that have not been told.
local function tell_slow_starts()
	watching = true
	repeat
		skynet.sleep(SLOW_LOOK)
		local later = false
		local now = skynet.now()
		for handle, start in pairs(starting) do
			if not start.slow then
				if now - start.since >= SLOW_START then
					skynet.fork(tell_slow_start, handle, start)
				else
					later = true
				end
			end
		end
	until not later
	watching = false
end

local function launch(session, source, logged, ...)
	if leaving then error "the node is being shut down" end
	local what = words.join(...)
	local handle = core.addresscommand("LAUNCH", what)
	if not handle then error("cannot launch " .. what) end
	if logged then core.command("LOGON", skynet.address(handle)) end
	services[handle] = what
	starting[handle] = { what = what, answer = skynet.response(), session = session, source = source, since = skynet.now() }
	if not watching then skynet.fork(tell_slow_starts) end
	return LATER
end

function command.LAUNCH(session, source, ...)
	return launch(session, source, false, ...)
end

function command.LOGLAUNCH(session, source, ...)
	return launch(session, source, true, ...)
end

-- `...` is what the answer is called with: false, or true and the handle.
local function started(handle, ...)
	local waiting = starting[handle]
	if not waiting then return end
	starting[handle] = nil
	if waiting.slow then
		skynet.error(string.format("%s (%s) has started, or ended, after %d s", skynet.address(handle),
			waiting.what, math.floor((skynet.now() - waiting.since) / 100)))
	end
	waiting.answer(...)
end

function command.LAUNCHOK(_, source)
	started(source, true, source)
end

local function forget(handle)
	services[handle] = nil
	if leaving and leaving.services[handle] then
		leaving.services[handle] = nil
		leaving.left = leaving.left - 1
		if leaving.left == 0 then skynet.wakeup(leaving) end
	end
end

-- An error without its traceback; the line behind the first one too, if that only announces it ("error loading module
-- 'm' from file 'f':"). Behind "module 'm' not found:" are the places that were tried.
local function one_line(text)
	local first, second = text:match "^([^\n]*)\n?%s*([^\n]*)"
	return first:find ":$" and not first:find "not found:$" and first .. " " .. second or first
end

-- `why` comes from a service that has raised in its start function.
function command.ERROR(_, source, why)
	if services[source] then
		local text = why or core.command("STARTERROR", skynet.address(source)) or "it was killed"
		last_failure = { what = services[source], why = one_line(text) }
	end
	forget(source)
	started(source, false)
end

-- A service that ends by itself while it starts gives its creator nil, one that is killed is a failure.
function command.REMOVE(_, _, handle, killed)
	if killed and starting[handle] then last_failure = { what = services[handle], why = "it was killed" } end
	forget(handle)
	started(handle, not killed, nil)
end

function command.KILL(_, _, handle)
	local result = { [skynet.address(handle)] = tostring(services[handle]) }
	skynet.kill(handle)
	command.REMOVE(nil, nil, handle, true)
	return result
end

function command.QUERY(_, source, session)
	for handle, launch in pairs(starting) do
		if launch.session == session and launch.source == source then return handle end
	end
	return nil
end

-- Why the service `...` ("module arguments") did not start, if it was the last one.
function command.WHY(_, _, ...)
	return table.concat({ ... }, " ") == last_failure.what and last_failure.why or nil
end

function command.LIST()
	local list = {}
	for handle, what in pairs(services) do
		local slow = starting[handle] and starting[handle].slow
		list[skynet.address(handle)] = slow and string.format("%s (not started since %s)", what, slow) or what
	end
	return list
end

-- Asks all services a debug question, ASK_AT_ONCE of them at a time. `show(answer, what)` makes the entry of a
-- service from its answer, or from "ERROR" or "TIMEOUT".
local function ask_all(timeout, show, question)
	local list, handles = {}, {}
	for handle, what in pairs(services) do
		handles[#handles + 1] = handle
		list[handle] = show("TIMEOUT", what)
	end

	local asked, asking, done = 0, {}, {}
	local function ask_one_after_the_other()
		while asked < #handles do
			asked = asked + 1
			local handle = handles[asked]
			local ok, answer = pcall(skynet.call, handle, "debug", question)
			local what = services[handle] -- nil: it has ended meanwhile
			list[handle] = what and show(ok and answer or "ERROR", what)
		end
		asking[coroutine.running()] = nil
		if next(asking) == nil then skynet.wakeup(done) end
	end
	for _ = 1, math.min(#handles, ASK_AT_ONCE) do asking[skynet.fork(ask_one_after_the_other)] = true end
	if timeout then
		skynet.sleep(timeout, done)
	elseif next(asking) then
		skynet.wait(done)
	end
	for co in pairs(asking) do skynet.killthread(co) end

	local result = {}
	for handle, entry in pairs(list) do result[skynet.address(handle)] = entry end
	return result
end

function command.STAT(_, _, timeout)
	return ask_all(timeout, function(stat) return stat end, "STAT")
end

function command.MEM(_, _, timeout)
	return ask_all(timeout, function(kb, what)
		if type(kb) == "number" then kb = string.format("%.2f Kb", kb) end
		return string.format("%s (%s)", kb, tostring(what))
	end, "MEM")
end

function command.GC(session, source, timeout)
	for handle in pairs(services) do skynet.send(handle, "debug", "GC") end
	return command.MEM(session, source, timeout)
end

skynet.dispatch("lua", function(session, source, name, ...)
	local f = command[name] or command[tostring(name):upper()]
	if not f then
		skynet.retpack { "Unknown command" }
		return
	end
	local result = f(session, source, ...)
	if result ~= LATER and session ~= 0 then skynet.retpack(result) end
end)

-- Services of C modules, and Lua services whose file cannot be loaded, report with a text. The core reports a failure
-- for a service that was killed.
skynet.register_protocol {
	name = "text",
	id = skynet.PTYPE_TEXT,
	unpack = skynet.tostring,
	dispatch = function(_, source, text)
		if text == "" or text == nil then
			command.LAUNCHOK(nil, source)
		elseif text == "ERROR" then
			command.ERROR(nil, source)
		else
			error("Invalid text command " .. text)
		end
	end,
}

-- Asks the services to end, the last one launched first, and ends the node.
local function shut_down()
	if leaving or draining then return end
	draining = true
	local discovery = skynet.localname ".clusterdiscovery"
	if discovery then pcall(skynet.call, discovery, "lua", "drain") end
	leaving = { services = {}, left = 0 }
	local order = {}
	for handle, what in pairs(services) do
		if not ENDS_WITH_THE_NODE[what] then order[#order + 1] = handle end
	end
	table.sort(order, function(a, b) return a > b end)
	for _, handle in ipairs(order) do
		if skynet.send(handle, "debug", "EXIT") then
			leaving.services[handle] = true
			leaving.left = leaving.left + 1
		end
	end
	if leaving.left > 0 then skynet.sleep(GONE_WITHIN, leaving) end
	skynet.abort()
end

-- Somebody wants the node to end in order.
function command.SHUTDOWN()
	skynet.ignoreret()
	shut_down()
	return LATER
end

-- From the core: a signal wants the node to end.
skynet.register_protocol {
	name = "system",
	id = skynet.PTYPE_SYSTEM,
	unpack = skynet.tostring,
	dispatch = function(_, source, text)
		if source == 0 and text == "SHUTDOWN" then shut_down() end
	end,
}

skynet.start(function() end)
