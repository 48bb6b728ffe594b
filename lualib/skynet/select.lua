--- skynet.request: several requests at once, answers in the order of arrival.
local skynet = require "skynet"
local core = require "skynet.core"
local engine = require "skynet.engine"
local scheduler = require "skynet.scheduler"

local unpack, pack = engine.unpack, engine.pack

--- Requests that are collected, then sent together by select(). The array part holds those that were added.
---@class skynet.request
---@field timeout? true  select() ran out of time
---@field package waiting? table<integer, table>  session -> request: what is on its way; nil before select()
---@field package invalid table[]   requests whose address does not exist
---@field package arrived table[]   request, answer, request, answer ...
---@field package first integer     of the next request in `arrived`
---@field package last integer      of the last answer there
---@field package left integer      number of requests in `waiting`
---@field package timer? integer    the session of the time limit
local request = {}
request.__index = request

---@class skynet.request.message  { address, protocol name, values... }; other keys are the caller's
---@field n? integer  length of the array part when it ends with nils

--- Adds a request and returns the collection. `r { ... }` does the same.
---@param message skynet.request.message
---@return skynet.request
function request:add(message)
	assert(type(message) == "table", "a request is a table { address, protocol, ... }")
	assert(not self.waiting, "these requests have been sent")
	self[#self + 1] = message
	return self
end
request.__call = request.add

local function arrive(self, message, answer)
	local arrived, last = self.arrived, self.last
	arrived[last + 1], arrived[last + 2] = message, answer
	self.last = last + 2
	skynet.wakeup(self)
end

local function stop_timer(self)
	if not self.timer then return end
	scheduler.forget(self.timer)
	self.timer = nil
end

local function unpack_answer(message, msg, sz)
	return pack(scheduler.protocols[message[2]].unpack(msg, sz))
end

local function on_answer(self, ok, msg, sz, session)
	local message = self.waiting[session]
	self.waiting[session] = nil
	self.left = self.left - 1
	if self.left == 0 then stop_timer(self) end
	local answer = false
	if ok then
		ok, answer = pcall(unpack_answer, message, msg, sz)
		if not ok then
			arrive(self, message, false)
			error(answer, 0)
		end
	end
	arrive(self, message, answer)
end

local function send_all(self)
	local tag = skynet.tracetag()
	local function answered(...) on_answer(self, ...) end
	for i = 1, #self do
		local message = self[i]
		local address = message[1]
		local proto = scheduler.protocols[message[2]]
		if not proto then error("unknown protocol " .. tostring(message[2]), 3) end
		if tag then core.send(address, skynet.PTYPE_TRACE, 0, tag) end
		local session = core.send(address, proto.id, nil, proto.pack(unpack(message, 3, message.n or #message)))
		if session then
			self.waiting[session] = message
			self.left = self.left + 1
			scheduler.expect(session, address, answered)
		elseif session == false then
			arrive(self, message, false) -- too large
		else
			table.insert(self.invalid, message)
		end
	end
end

local function forget_waiting(self)
	for session in pairs(self.waiting) do scheduler.forget(session) end
	self.waiting, self.left = {}, 0
end

local function start_timer(self, timeout)
	self.timer = core.intcommand("TIMEOUT", timeout)
	scheduler.expect(self.timer, nil, function()
		self.timer = nil
		self.timeout = true
		forget_waiting(self)
		skynet.wakeup(self)
	end)
end

local function next_answer(self)
	local message = table.remove(self.invalid)
	if message then return message, nil end
	while self.first > self.last do
		if self.left == 0 then
			self:close()
			return nil
		end
		skynet.wait(self)
	end
	local arrived, i = self.arrived, self.first
	self.first = i + 2
	message = arrived[i]
	local answer = arrived[i + 1]
	arrived[i], arrived[i + 1] = nil, nil
	return message, answer
end

--- Sends all requests. To be used in a `for`: each turn has a request and its answer, in the order of arrival. The
--- answer is a table.pack of the values, false when the request failed, nil when the address does not exist. After
--- the time limit the loop ends and `timeout` is true. Answers that come after the loop are dropped.
---@async
---@param timeout? integer  in 1/100 s; without it, waits for as long as it takes
---@return fun(): table?, table|false|nil
---@return nil
---@return nil
---@return skynet.request closed_by_5_4_when_the_loop_is_left
function request:select(timeout)
	assert(not self.waiting, "these requests have been sent")
	self.waiting, self.invalid, self.arrived = {}, {}, {}
	self.first, self.last, self.left = 1, 0, 0
	local ok, err = pcall(send_all, self)
	if ok and timeout and self.left > 0 then ok, err = pcall(start_timer, self, timeout) end
	if not ok then
		self:close()
		error(err, 0)
	end
	return function()
		return next_answer(self)
	end, nil, nil, self
end

--- Ends the loop: what has not been taken yet is dropped.
function request:close()
	if not self.waiting then return end
	stop_timer(self)
	forget_waiting(self)
	self.invalid, self.arrived, self.first, self.last = {}, {}, 1, 0
	skynet.wakeup(self)
end
request.__close = request.close

--- A new collection of requests, with a first one if given.
---@param message? skynet.request.message
---@return skynet.request
local function new_request(message)
	local self = setmetatable({}, request)
	if message ~= nil then self:add(message) end
	return self
end

return { request = new_request }
