--- Trace tags: a request that is traced logs what happens to it, here and in the services that it calls. Loaded when
--- somebody traces.
local skynet = require "skynet"
local core = require "skynet.core"
local scheduler = require "skynet.scheduler"

local proto = scheduler.protocols
local running = coroutine.running

local tags = setmetatable({}, { __mode = "k" }) ---@type table<thread, string|false>  false: not to be traced
local announced = {} ---@type table<integer, string>  source -> tag of its next request
local counter = 0

local M = { tracelog = core.trace }

local function new_tag()
	counter = counter + 1
	return string.format(":%08x-%d", skynet.self(), counter)
end

-- The files whose functions stand between the service's own code and an event: this one, and skynet.lua, which on LuaJIT
-- puts a function around the native call.
local OURS = {}
for _, f in ipairs { new_tag, skynet.newservice } do OURS[debug.getinfo(f, "S").source] = true end

-- Where the service's own code begins in the stack of a task, as core.trace counts when an event calls it. When the task
-- blocks in a coroutine of its own, none of our functions is there.
local function level_of_user(co)
	if co ~= running() then return 0 end
	local level = 2 -- the event
	repeat
		level = level + 1
		local frame = debug.getinfo(level, "S")
	until not frame or (frame.what ~= "C" and not OURS[frame.source])
	return level - 1 -- core.trace stands where this function does
end

-- What the scheduler tells, for tasks that have a tag and for all that begin once anybody traces. Each gives whether
-- the task is traced from here on.
local events = {}

function events.tag(source, tag)
	announced[source] = tag
end

function events.request(co, source, ptype)
	local p = proto[ptype]
	local tag = announced[source]
	announced[source] = nil
	if p.trace == false then
		tags[co] = false
		return false
	end
	if not tag then
		if not p.trace then
			tags[co] = nil
			return false
		end
		tag = new_tag()
		tags[co] = tag
		core.trace(tag, "trace")
		return true
	end
	tags[co] = tag
	core.trace(tag, "request")
	return true
end

events["end"] = function(co)
	core.trace(tags[co], "end")
	tags[co] = nil
	return false
end

function events.error(co)
	core.trace(tags[co], "error")
	tags[co] = nil
	return false
end

function events.call(co, _, _, address)
	local tag = tags[co]
	core.trace(tag, "call", co, level_of_user(co))
	core.send(address, skynet.PTYPE_TRACE, 0, tag)
	return true
end

function events.sleep(co)
	core.trace(tags[co], "sleep", co, level_of_user(co))
	return true
end

function events.resume(co)
	core.trace(tags[co], "resume")
	return true
end

function events.response(co)
	core.trace(tags[co], "response")
	return true
end

--- What the scheduler tells its events to.
function M.on_event(event, ...)
	return events[event](...)
end
scheduler.adopt { trace = M.on_event }

--- Traces the current request from here on, under a tag of its own. Logs the tag that it had.
---@param info? string
function M.trace(info)
	local co = scheduler.running()
	core.error("TRACE", tostring(co and tags[co]))
	if not co or tags[co] == false then return end -- switched off for this protocol
	local tag = new_tag()
	tags[co] = tag
	core.trace(tag, info and "trace " .. info or "trace")
	scheduler.traced(true)
end

--- The tag of the current task; nil without one, false where tracing is off.
---@return string|false|nil
function M.tracetag()
	local co = scheduler.running()
	return co and tags[co]
end

--- true: every request of the protocol is traced; false: none is; nil: those that are asked for.
---@param name string
---@param flag? boolean
function M.traceproto(name, flag)
	local p = assert(proto[name], "unknown protocol")
	p.trace = flag
	scheduler.traced(false)
end

--- Like rawcall, for a request that has the tag already.
---@async
function M.tracecall(tag, address, name, msg, sz)
	core.trace(tag, "tracecall begin")
	core.send(address, skynet.PTYPE_TRACE, 0, tag)
	msg, sz = skynet.rawcall(address, name, msg, sz)
	core.trace(tag, "tracecall end")
	return msg, sz
end

local created = setmetatable({}, { __mode = "k" })
local plain_timeout = skynet.timeout

--- Whether task lists show when and where a timer was set.
---@param on boolean
function M.trace_timeout(on)
	if not on then
		skynet.timeout = plain_timeout
		return
	end
	scheduler.timer_origins = created
	function skynet.timeout(ticks, f)
		local co
		co = plain_timeout(ticks, function()
			created[co] = nil
			return f()
		end)
		created[co] = debug.traceback(string.format("TIMER %d+%d : ", skynet.now(), ticks), 2)
		return co
	end
end

return M
