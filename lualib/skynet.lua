--- The API of services. What is used all the time is native (runtime-src/lua/lua_tasks.cc), what is used rarely is
--- loaded when it is first asked for; this file is the list of it all.
local core = require "skynet.core"
local scheduler = require "skynet.scheduler"
local loading = require "skynet.require"

-- The sister modules do not block while they load.
local load_module = loading.lua_require

local proto = scheduler.protocols -- by name and by number

---@class skynet
local skynet = {
	PTYPE_TEXT = 0,
	PTYPE_RESPONSE = 1,
	PTYPE_MULTICAST = 2,
	PTYPE_CLIENT = 3,
	PTYPE_SYSTEM = 4,
	PTYPE_HARBOR = 5,
	PTYPE_SOCKET = 6,
	PTYPE_ERROR = 7,
	PTYPE_QUEUE = 8,
	PTYPE_DEBUG = 9,
	PTYPE_LUA = 10,
	PTYPE_SNAX = 11,
	PTYPE_TRACE = 12,

	_proto = proto,
	cache = require "skynet.codecache",
	pcall = pcall,

	-- Tasks: coroutines that may block.
	fork = scheduler.fork, -- (f, ...) -> coroutine: runs f once the current task blocks or ends
	timeout = scheduler.timeout, -- (ticks, f) -> coroutine: runs f in ticks/100 s
	sleep = scheduler.sleep, -- (ticks[, token]) -> nil, or "BREAK" when woken before
	yield = scheduler.yield, -- () lets all messages that are queued go first
	wait = scheduler.wait, -- ([token]) until wakeup(token)
	wakeup = scheduler.wakeup, -- (token) -> true, or nil if nobody waits on it

	-- Messages.
	send = scheduler.send, -- (address, protocol, ...) -> 0, or nothing
	rawsend = scheduler.rawsend, -- (address, protocol, message[, size])
	ret = scheduler.ret, -- (message[, size]) -> whether it was delivered
	retpack = scheduler.retpack, -- (...)
	ignoreret = scheduler.ignoreret, -- () this request is not answered here
	context = scheduler.context, -- () -> session, source of the current request
	genid = scheduler.genid, -- () -> a new session
	term = scheduler.term, -- (address): calls to it, as given to call, fail

	pack = core.pack,
	packstring = core.packstring,
	unpack = core.unpack,
	tostring = core.tostring,
	trash = core.trash,

	now = core.now, -- () 1/100 s
	hpc = core.hpc, -- () nanoseconds
	error = core.error, -- (...) writes a line to the log
	tracelog = core.trace, -- (tag, text, ...)
	harbor = core.harbor, -- (address) -> node id, whether it is another node
	init = loading.init, -- (f): f runs before the start function

	dispatch_message = scheduler.dispatch_message, -- what core.callback is given
}

if jit then
	-- A native function of LuaJIT cannot go on after a yield, so a failed call raises here.
	local call, failure, packcall, rawcall = scheduler.call, scheduler.failure, scheduler.packcall, scheduler.rawcall
	local unpack = core.unpack

	function skynet.call(address, name, ...)
		local p = proto[name]
		if p and p.unpack ~= unpack then return p.unpack(failure(packcall(address, name, ...))) end
		return failure(call(address, name, ...))
	end

	function skynet.rawcall(address, name, msg, sz)
		return failure(rawcall(address, name, msg, sz))
	end
else
	skynet.call = scheduler.call -- (address, protocol, ...) -> the answer's values
	skynet.rawcall = scheduler.rawcall -- (address, protocol, message[, size]) -> message, size
end

-- ---- protocols -------------------------------------------------------------------------------------------------

--- Makes a message type known by name.
---@param class { name: string, id: integer, pack?: function, unpack?: function, dispatch?: function, trace?: boolean }
function skynet.register_protocol(class)
	local name, id = class.name, class.id
	assert(type(name) == "string", "register_protocol: the name must be a string")
	assert(type(id) == "number" and id >= 0 and id <= 255 and id % 1 == 0, "register_protocol: the id must be 0 .. 255")
	assert(proto[name] == nil, "register_protocol: the name is taken")
	assert(proto[id] == nil, "register_protocol: the id is taken")
	proto[name] = class
	proto[id] = class
end

--- Sets what handles requests of a protocol; without `f` only asks.
---@param name string
---@param f? async fun(session: integer, source: integer, ...)
---@return function? previous
function skynet.dispatch(name, f)
	local p = proto[name]
	if not f then return p and p.dispatch end
	local previous = p.dispatch
	p.dispatch = f
	return previous
end

skynet.register_protocol { name = "lua", id = skynet.PTYPE_LUA, pack = core.pack, unpack = core.unpack }
skynet.register_protocol { name = "response", id = skynet.PTYPE_RESPONSE }
skynet.register_protocol { name = "error", id = skynet.PTYPE_ERROR, pack = function(...) return ... end }
skynet.register_protocol {
	name = "debug",
	id = skynet.PTYPE_DEBUG,
	pack = core.pack,
	unpack = core.unpack,
	dispatch = function(...)
		return load_module "skynet.debug".dispatch(...)
	end,
}

local function unknown_response(session, address, msg, sz)
	core.error(string.format("Response message : %s", core.tostring(msg, sz) or ""))
	error(string.format("Unknown session : %d from %x", session, address), 0)
end

local function unknown_request(session, address, msg, sz, prototype)
	core.error(string.format("Unknown request (%s): %s", prototype, core.tostring(msg, sz) or ""))
	error(string.format("Unknown session : %d from %x", session, address), 0)
end

--- Replaces what happens to an answer that nobody waits for.
---@param f fun(session: integer, address: integer, msg: lightuserdata, sz: integer)
---@return function previous
function skynet.dispatch_unknown_response(f)
	local previous = unknown_response
	unknown_response = f
	scheduler.adopt { unknown_response = f }
	return previous
end

--- Replaces what happens to a message that no protocol handles and that wants no answer.
---@param f fun(session: integer, address: integer, msg: lightuserdata, sz: integer, prototype: integer|string)
---@return function previous
function skynet.dispatch_unknown_request(f)
	local previous = unknown_request
	unknown_request = f
	scheduler.adopt { unknown_request = f }
	return previous
end

--- Sends a message in the name of `source`.
---@param dest integer|string
---@param source integer
---@param name string
---@param session integer
---@return integer? session
function skynet.redirect(dest, source, name, session, ...)
	return core.redirect(dest, source, proto[name].id, session, ...)
end

-- ---- answers that are given later ------------------------------------------------------------------------------

---@type table<function, integer|false>  response closures that are open -> who waits; false when that one is dead
local open_responses = {}

local function on_dead(source)
	for response, waiter in pairs(open_responses) do
		if waiter == source then open_responses[response] = false end
	end
end

--- Takes the current request over: the closure that is returned answers it, from any task.
--- `r(true, ...)` answers, `r(false)` fails the call, `r("TEST")` asks whether the caller still waits.
---@param pack? function  of the answer's values; default skynet.pack
---@return fun(ok: boolean|"TEST", ...): boolean?
function skynet.response(pack)
	pack = pack or core.pack
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

-- ---- addresses, environment, statistics ------------------------------------------------------------------------

local ENGINE = jit and "luajit" or "lua54"

---@return "lua54"|"luajit"  what this service runs on
function skynet.engine()
	return ENGINE
end

local self_handle

---@return integer handle
function skynet.self()
	self_handle = self_handle or core.addresscommand "REG"
	return self_handle
end

--- The handle of a local name `.x`.
---@return integer?
function skynet.localname(name)
	return core.addresscommand("QUERY", name)
end

---@param addr integer|string
---@return string  `:%08x` of a handle, anything else as a string
function skynet.address(addr)
	if type(addr) == "number" then return string.format(":%08x", addr) end
	return tostring(addr)
end

---@return string?
function skynet.getenv(key)
	return (core.command("GETENV", key))
end

--- Raises when the key is set already.
function skynet.setenv(key, value)
	assert(core.command("GETENV", key) == nil, "Can't setenv exist key : " .. key)
	core.command("SETENV", key .. " " .. value)
end

local start_time

---@return integer seconds  wall clock, when the node started
function skynet.starttime()
	start_time = start_time or core.intcommand "STARTTIME"
	return start_time
end

---@return number seconds  wall clock, in steps of 1/100
function skynet.time()
	return core.now() / 100 + skynet.starttime()
end

---@return integer  messages that wait
function skynet.mqlen()
	return core.intcommand("STAT", "mqlen")
end

---@param what "mqlen"|"message"|"cpu"|"time"|"endless"
---@return number
function skynet.stat(what)
	return core.intcommand("STAT", what)
end

---@return boolean  whether a message took suspiciously long since the last question
function skynet.endless()
	return core.intcommand("STAT", "endless") == 1
end

--- Limits the memory of this service. Once, in the main chunk; counts from its end on.
---@param bytes integer
function skynet.memlimit(bytes)
	debug.getregistry().memlimit = bytes
	skynet.memlimit = nil
end

-- ---- the life of a service -------------------------------------------------------------------------------------

--- Starts a Lua service and waits until it is ready.
---@async
---@param name string
---@param ... string|number  joined by blanks
---@return integer? handle  nil when it has called exit in its start function
function skynet.newservice(name, ...)
	return skynet.call(".launcher", "lua", "LAUNCH", "snlua", name, ...)
end

local function service_manager(command, global_command, global, ...)
	if global == true then return assert(skynet.call(".service", "lua", global_command, ...)) end
	return assert(skynet.call(".service", "lua", command, global, ...))
end

--- The one service of this name; starts it if nobody has. With true in front: one for the whole node group.
---@async
---@return integer handle
function skynet.uniqueservice(global, ...)
	return service_manager("LAUNCH", "GLAUNCH", global, ...)
end

--- The same, but waits until somebody else starts it.
---@async
---@return integer handle
function skynet.queryservice(global, ...)
	return service_manager("QUERY", "GQUERY", global, ...)
end

local init_task

local function traceback(err)
	return debug.traceback(tostring(err))
end

local function init_all(start)
	loading.init_all()
	if start then start() end
end

--- Runs the functions given to init, then `start`, and tells the launcher how it went.
---@async
function skynet.init_service(start)
	init_task = coroutine.running()
	local ok, err = xpcall(init_all, traceback, start)
	init_task = nil
	if ok then
		skynet.send(".launcher", "lua", "LAUNCHOK")
	else
		core.error("init service failed: " .. tostring(err))
		skynet.send(".launcher", "lua", "ERROR")
		skynet.exit()
	end
end

--- Makes this a service: its messages are dispatched from now on, and `start` runs as its first task.
---@param start async fun()
function skynet.start(start)
	core.callback(scheduler.dispatch_message)
	skynet.timeout(0, function()
		skynet.init_service(start)
	end)
end

--- Ends this service. Never returns.
function skynet.exit()
	core.command "EXIT" -- whoever hears of the end from here on finds nobody at this address
	skynet.send(".launcher", "lua", "REMOVE", skynet.self(), false)
	for response, waiter in pairs(open_responses) do
		if waiter then response(false) end
	end
	scheduler.exit()
	scheduler.halt()
end

--- Ends a task that blocks or has not started.
---@param what thread|string  the coroutine, or a part (a pattern) of its tostring
---@return thread? ended
function skynet.killthread(what)
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
	-- On LuaJIT the coroutine itself does not show it.
	local internal = skynet._internal
	internal.killed = internal.killed or setmetatable({}, { __mode = "k" })
	internal.killed[co] = true
	return co
end

-- ---- what is loaded on first use -------------------------------------------------------------------------------

--- What the sister modules share; not for services.
skynet._internal = {
	proto = proto,
	tasks = scheduler.tasks,
	blocked = scheduler.blocked,
	expect = scheduler.expect,
	forget = scheduler.forget,
	scheduler = scheduler,
	load_module = load_module,
	killed = nil, ---@type table<thread, true>?  tasks that were killed
	init_task = function()
		return init_task
	end,
}

--- Sets what answers the debug command INFO.
function skynet.info_func(f)
	skynet._internal.info_func = f
end

-- Puts a function in the place of each, that loads the module, which brings the real ones.
local function lazy(module, ...)
	for _, name in ipairs { ... } do
		skynet[name] = function(...)
			for key, f in pairs(load_module(module)) do skynet[key] = f end
			return skynet[name](...)
		end
	end
end

lazy("skynet.select", "request")
lazy("skynet.tasklist", "task", "uniqtask")
lazy("skynet.trace", "trace", "tracetag", "traceproto", "tracecall", "trace_timeout")

function skynet.queue(...)
	return load_module "skynet.queue"(...)
end

scheduler.adopt {
	unknown_response = unknown_response,
	unknown_request = unknown_request,
	dead = on_dead,
	trace = function(...)
		-- The first event loads the module, which takes this function's place.
		return load_module "skynet.trace".on_event(...)
	end,
}

return skynet
