--- Services with named methods: `obj.req.method(...)` calls, `obj.post.method(...)` sends.
local skynet = require "skynet"
local interface = require "snax.interface"
local scheduler = require "skynet.scheduler"

-- A program that loads modules anew gets this one again: the protocol is in its hands.
local before = scheduler.protocols.snax
if before and before.module then return before.module end

local snax = {}

---@class snax.interface
---@field name string
---@field accept table<string, integer>
---@field response table<string, integer>
---@field system table<string, integer>

---@class snax.object
---@field type string     the service's name
---@field handle integer
---@field req table<string, async fun(...: any): ...>
---@field post table<string, fun(...: any)>

local interfaces = {} ---@type table<string, snax.interface>
local objects = setmetatable({}, { __mode = "v" }) ---@type table<integer, snax.object>

skynet.register_protocol {
	name = "snax",
	id = skynet.PTYPE_SNAX,
	module = snax,
	pack = skynet.pack,
	unpack = skynet.unpack,
}

-- The globals of a file that is read for its interface only: nothing is loaded for it.
local function reading_globals()
	local module = skynet.getenv "snax_interface_g"
	local given = module and require(module) or { require = function() end }
	return setmetatable({}, {
		__index = function(_, name)
			local value = given[name]
			if value == nil then value = _G[name] end
			return value
		end,
	})
end

--- The methods of the service `name` and their ids. Raises when there is no such service.
---@param name string
---@return snax.interface
function snax.interface(name)
	if interfaces[name] then return interfaces[name] end
	local result = { name = name, accept = {}, response = {}, system = {} }
	local globals = reading_globals()
	local chunk = interface.find(name, globals)
	for id, method in ipairs(interface.methods(chunk, globals)) do
		result[method[2]][method[3]] = id
	end
	interfaces[name] = result
	return result
end

-- A table whose fields are made when they are first used: make(id) for the method's id.
local function methods_of(ids, what, name, make)
	return setmetatable({}, {
		__index = function(t, method)
			local id = ids[method]
			if not id then error(string.format("%s %s:%s no exist", what, name, tostring(method)), 2) end
			local f = make(id)
			rawset(t, method, f)
			return f
		end,
	})
end

local object_meta = {
	__tostring = function(self)
		return string.format("[%s:%x]", self.type, self.handle)
	end,
}

--- The object of the service behind `handle`; of each handle there is one. Raises when it is bound to another name.
---@param handle integer
---@param name string
---@return snax.object
function snax.bind(handle, name)
	local object = objects[handle]
	if object then
		assert(object.type == name)
		return object
	end
	local methods = snax.interface(name)
	object = setmetatable({
		type = name,
		handle = handle,
		req = methods_of(methods.response, "request", name, function(id)
			return function(...)
				return skynet.call(handle, "snax", id, ...)
			end
		end),
		post = methods_of(methods.accept, "post", name, function(id)
			return function(...)
				skynet.send(handle, "snax", id, ...)
			end
		end),
	}, object_meta)
	objects[handle] = object
	return object
end

--- Starts a service and runs its `init(...)`.
---@async
---@param name string
---@param ... any
---@return integer handle
function snax.rawnewservice(name, ...)
	local handle, init = snax.rawlaunch(name)
	init(...)
	return handle
end

--- The first half of rawnewservice: the service is there, but its init has not run.
---@async
---@param name string
---@return integer handle
---@return async fun(...) init  the second half
function snax.rawlaunch(name)
	local methods = snax.interface(name)
	local handle = skynet.newservice("snaxd", name)
	return handle, function(...) skynet.call(handle, "snax", methods.system.init, ...) end
end

--- The same; returns the object.
---@async
---@param name string
---@param ... any
---@return snax.object
function snax.newservice(name, ...)
	return snax.bind(snax.rawnewservice(name, ...), name)
end

local function unique(command, name, ...)
	local handle, err = skynet.call(".service", "lua", command, "snaxd", name, ...)
	if not handle then error(err, 2) end
	return snax.bind(handle, name)
end

--- The one service `name` of this node; the first call starts it.
---@async
---@param name string
---@param ... any
---@return snax.object
function snax.uniqueservice(name, ...)
	return unique("LAUNCH", name, ...)
end

--- The one service `name` of the harbor network; the first call starts it.
---@async
---@param name string
---@param ... any
---@return snax.object
function snax.globalservice(name, ...)
	return unique("GLAUNCH", name, ...)
end

--- Waits until somebody has started the one service `name` of this node.
---@async
---@param name string
---@return snax.object
function snax.queryservice(name)
	return unique("QUERY", name)
end

--- Waits until somebody has started the one service `name` of the harbor network.
---@async
---@param name string
---@return snax.object
function snax.queryglobal(name)
	return unique("GQUERY", name)
end

--- Runs the service's `exit(...)`, then ends it.
---@async
---@param object snax.object
---@param ... any
function snax.kill(object, ...)
	skynet.call(object.handle, "snax", snax.interface(object.type).system.exit, ...)
end

--- The object of the own service.
---@return snax.object
function snax.self()
	return snax.bind(skynet.self(), SERVICE_NAME)
end

--- Ends the own service.
---@async
---@param ... any  arguments of its `exit`
function snax.exit(...)
	snax.kill(snax.self(), ...)
end

local function results(ok, ...)
	if not ok then error((...), 2) end
	return ...
end

--- Replaces methods of a running service by those that `source` defines, then runs the source's `hotfix(...)`.
--- Raises, and changes no method, when the source does not compile or does not fit.
---@async
---@param object snax.object
---@param source string
---@param ... any
---@return any ...
function snax.hotfix(object, source, ...)
	return results(skynet.call(object.handle, "snax", snax.interface(object.type).system.hotfix, source, ...))
end

--- How often the methods of a service have run, and for how long (CPU time in seconds).
---@async
---@param object snax.object
---@return table<string, { count: integer, time: number }>
function snax.profile_info(object)
	return skynet.call(object.handle, "snax", snax.interface(object.type).system.profile)
end

--- Logs a formatted text.
---@param format string
---@param ... any
function snax.printf(format, ...)
	skynet.error(string.format(format, ...))
end

--- Inside a snax service: lets it take its messages over the protocol `lua` as well, as cluster calls come.
function snax.enablecluster()
	skynet.dispatch("lua", assert(skynet.dispatch "snax", "snax.enablecluster: this is no snax service"))
end

return snax
