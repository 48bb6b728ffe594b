--- Channels: what one service publishes, all who have subscribed get, on all nodes of a harbor network.
local skynet = require "skynet"
local core = require "skynet.multicast.core"
local engine = require "skynet.engine"
local scheduler = require "skynet.scheduler"

-- A program that loads modules anew gets this one again: the protocol is in its hands.
local before = scheduler.protocols.multicast
if before and before.module then return before.module end

local multicast = {}

---@class skynet.multicast.channel
---@field channel integer?  its number; nil once it is deleted
---@field __dispatch? fun(channel: skynet.multicast.channel, source: integer, ...)
---@field __pack function
---@field __unpack function
---@field private __subscribe boolean
---@field private __guard any
local channel = {}

local multicastd ---@type integer?
-- The object that gets what comes for a number. It may be collected: then it unsubscribes.
local objects = setmetatable({}, { __mode = "v" }) ---@type table<integer, skynet.multicast.channel>

local class = {
	__index = channel,
	__tostring = function(self) return string.format("[Multicast:%x]", self.channel or 0) end,
}

---@class skynet.multicast.options
---@field channel? integer   the number of a channel that exists; default: a new one is made
---@field dispatch? fun(channel: skynet.multicast.channel, source: integer, ...)
---@field pack? function     default: skynet.pack
---@field unpack? function   default: skynet.unpack

--- Makes an object for a channel. The service must have begun (skynet.start).
---@async
---@param options? skynet.multicast.options
---@return skynet.multicast.channel
function multicast.new(options)
	assert(multicastd, "Init first")
	options = options or {}
	return setmetatable({
		channel = options.channel or skynet.call(multicastd, "lua", "NEW"),
		__dispatch = options.dispatch,
		__pack = options.pack or skynet.pack,
		__unpack = options.unpack or skynet.unpack,
		__subscribe = false,
	}, class)
end

--- Sends the values to all subscribers; returns when they have been handed over.
---@async
function channel:publish(...)
	local number = assert(self.channel)
	skynet.call(multicastd, "lua", "PUB", number, core.pack(self.__pack(...)))
end

-- Of a service and channel there is one subscription, whichever object has it: only the last one ends it.
local function guard(self)
	local number, holder = self.channel, { live = true }
	holder.guard = engine.finalizer(function()
		if holder.live and not objects[number] then skynet.send(multicastd, "lua", "USUB", number) end
	end)
	return holder
end

--- From now on the object's dispatch gets what is published, in the place of any other object for the channel.
---@async
function channel:subscribe()
	local number = assert(self.channel)
	-- Also when it has subscribed: the channel's node may have gone and come back.
	skynet.call(multicastd, "lua", "SUB", number)
	self.__subscribe = true
	self.__guard = self.__guard or guard(self)
	objects[number] = self
end

local function forget(self)
	self.__subscribe = false
	if self.__guard then self.__guard.live = false end
	self.__guard = nil
	if objects[self.channel] == self then objects[self.channel] = nil end
end

--- Messages that are on their way are dropped.
function channel:unsubscribe()
	if not self.__subscribe then return end
	local last = objects[self.channel] == self
	forget(self)
	if last then skynet.send(multicastd, "lua", "USUB", self.channel) end
end

--- Deletes the channel for everybody. Objects of other services stay usable, but reach nobody.
function channel:delete()
	local number = assert(self.channel)
	skynet.send(multicastd, "lua", "DEL", number)
	forget(self)
	self.channel = nil
end

local function finish(package, ok, ...)
	core.close(package)
	if not ok then error((...), 0) end
end

-- What is packed by skynet.pack goes to the object without a function here.
scheduler.adopt { channel_dispatch = "__dispatch", channel_unpack = "__unpack", channels = objects }

local function handle(object, source, message, size)
	return object.__dispatch(object, source, object.__unpack(message, size))
end

skynet.register_protocol {
	name = "multicast",
	id = skynet.PTYPE_MULTICAST,
	module = multicast,
	unpack = core.unpack,
	dispatch = function(number, source, package, message, size)
		local object = objects[number]
		if not object or not object.__dispatch then return core.close(package) end
		finish(package, pcall(handle, object, source, message, size))
	end,
}

skynet.init(function()
	multicastd = skynet.uniqueservice "multicastd"
end, "multicast")

return multicast
