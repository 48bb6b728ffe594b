--- Messages that a service handles strictly one after the other, also when the handler blocks.
--- Deprecated; skynet.queue does the same for any code.
local engine = require "skynet.engine"
local killed = require "skynet.killed"
local scheduler = require "skynet.scheduler"
local skynet = require "skynet"

-- A program that loads modules anew gets this one again: the protocol is in its hands.
local before = scheduler.protocols.queue
if before and before.module then return before.module end

local mqueue = {}

local waiting = {} -- from `first` to `last`: { answer, n = number of values, values... }
local first, last = 1, 0
local registered = false
local idle = false -- the worker waits for `waiting` to fill

-- Answers are packed before they are given, as that may fail.
local function as_it_is(text)
	return text
end

skynet.register_protocol {
	name = "queue",
	id = skynet.PTYPE_QUEUE,
	module = mqueue,
	pack = skynet.pack,
	unpack = skynet.unpack,
	dispatch = function(session, _, ...)
		last = last + 1
		waiting[last] = { answer = session ~= 0 and skynet.response(as_it_is) or nil, n = select("#", ...), ... }
		if idle then skynet.wakeup(waiting) end
	end,
}

local function finish(answer, ok, ...)
	if not answer then
		if not ok then skynet.error(...) end
		return
	end
	local packed, text = pcall(skynet.packstring, ok, ...)
	if not packed then text = skynet.packstring(false, tostring(text)) end
	answer(true, text)
end

local worker ---@type thread?  who handles the messages
local answering ---@type function?  the answer to the message that it is at

local function serve(f)
	while true do
		while first > last do
			idle = true
			skynet.wait(waiting)
			idle = false
		end
		local message = waiting[first]
		waiting[first] = nil
		first = first + 1
		answering = message.answer
		-- The error of a message that wants no answer may be an object whose __tostring raises.
		local ok, err = pcall(finish, answering,
			xpcall(f, debug.traceback, engine.unpack(message, 1, message.n)))
		answering = nil
		if not ok then skynet.error("mqueue: " .. (type(err) == "string" and err or type(err))) end
	end
end

-- The messages go on when the one who handles them is killed: the caller of the present one fails.
local start_worker
function start_worker(f)
	worker = skynet.fork(serve, f)
	killed.listen(mqueue, function(co)
		if co ~= worker then return end
		local answer = answering
		answering, idle = nil, false
		start_worker(f)
		if answer then answer(false) end
	end)
end

local function results(ok, ...)
	if not ok then error((...), 0) end
	return ...
end

--- Makes `f(...)` the handler of all messages that this service gets through mqueue. Once per service.
---@param f async fun(...: any): ...
function mqueue.register(f)
	assert(type(f) == "function", "mqueue.register: a function is wanted")
	assert(not registered, "mqueue.register: there is a handler already")
	registered = true
	start_worker(f)
end

--- What the handler of a service makes of the values; raises the text of its error.
---@async
---@param address integer|string
---@param ... any
---@return any ...
function mqueue.call(address, ...)
	return results(skynet.call(address, "queue", ...))
end

--- Gives values to the handler of a service.
---@param address integer|string
---@param ... any
function mqueue.send(address, ...)
	return skynet.send(address, "queue", ...)
end

--- The number of messages that wait for the handler, without the one that it is at.
---@return integer
function mqueue.size()
	return last - first + 1
end

return mqueue
