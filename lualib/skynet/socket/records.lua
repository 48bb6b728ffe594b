--- What a service knows of its socket ids: a record for each, and what the events of the driver do with it. A part of
--- skynet.socket.
---
--- The record of an id lives in `socket_pool` from the call that makes the id known until close(), abandon() or a
--- failed start. Events arrive as messages of class "socket"; `socket_message` holds a function for each kind.
--- (Debug tools reach both tables through upvalues of these names.)
local skynet = require "skynet"
local driver = require "skynet.socketdriver"
local engine = require "skynet.engine"
local killed = require "skynet.killed"
local scheduler = require "skynet.scheduler"

-- A program that loads modules anew gets this one again: the protocol is in its hands.
local before = scheduler.protocols.socket
if before and before.module then return before.module end

local EVENT_DATA, EVENT_CONNECT, EVENT_CLOSE, EVENT_ACCEPT, EVENT_ERROR, EVENT_UDP, EVENT_WARNING = 1, 2, 3, 4, 5, 6, 7

-- Above this many bytes held that nobody waits for, the stream is paused.
local PAUSE_BYTES = 128 * 1024

---@class skynet.socket.record
---@field id integer
---@field kind string          "stream", "listen" or "udp"
---@field buffer? any          received bytes of a stream
---@field connected boolean
---@field connecting boolean|string  true while connect, listen or start is under way; then the reason of its failure
---@field waiting any          what wakes the coroutine that waits: itself, or its token; not that of a plain read
---@field want number|string|boolean  what it waits for: a number of bytes, 0 for any, a separator, true for the end
---@field line_limit? integer  most bytes to hold while waiting for a separator
---@field paused boolean|string  "flow" when flow control did it
---@field started? boolean     a listen id accepts
---@field callback? function   of a listen or udp id
---@field onclose? fun(id: integer)
---@field warning? fun(id: integer, kbytes: integer)
---@field limit? integer       most bytes to hold while nobody waits for a fixed number
---@field address? string      what the connect event told: a listen id's as it was bound
---@field port? integer        the same
---@field closing? table[]     tokens of coroutines inside close()
---@field taker? fun(owner: any, data: lightuserdata, size: integer): integer  gets what comes, in place of the buffer
---@field taker_owner? any

---@type table<integer, skynet.socket.record>
local socket_pool = {}
local socket_message = {}

-- The buffers of streams that a read may take from without a look at the record, and wait for there (driver.read).
local plain_buffers = {} ---@type table<integer, any>

-- When the service ends, so does all it holds.
local guard = engine.finalizer(function()
	for id in pairs(socket_pool) do driver.close(id) end
end)

-- To be called when one of these fields was set.
local function settle(s)
	plain_buffers[s.id] = s.connected and not s.paused and not s.taker and s.buffer or nil
end

local function remove(id)
	socket_pool[id] = nil
	plain_buffers[id] = nil
end

-- The driver wants a table beside each buffer, for its own use; ours has no use for it, so one serves all.
local pool = {}

local driver_push, driver_readline, driver_await = driver.push, driver.readline, driver.await
local driver_wanted, driver_wake = driver.wanted, driver.wake
local wait, wakeup, running, type = skynet.wait, skynet.wakeup, coroutine.running, type
local isyieldable = coroutine.isyieldable
local task_of, is_awaited = scheduler.running, scheduler.is_awaited

local function wake(s)
	local waiting = s.waiting
	if waiting then
		s.waiting = false
		wakeup(waiting)
	elseif s.buffer then
		driver_wake(s.buffer)
	end
end

-- Raises where nothing can block, in a callback of string.gsub for instance: before a record says who waits, as a wake()
-- would end another wait of that coroutine, and before there is a socket that nobody gets.
local function check_blocking()
	if not isyieldable() then wait() end
end

-- Blocks until the next wake(). A coroutine is the token that costs least. With `enough`, what comes meanwhile is put
-- into the buffer without a call of ours, and so many bytes there end it as well.
local function suspend(s, enough)
	local co = running()
	s.waiting = co
	if s.buffer then
		driver_await(co, s.buffer, enough)
	else
		wait(co)
	end
	-- wake() has done this, unless somebody else woke the coroutine
	s.waiting = false
end

local function resume_flow(s)
	if s.paused == "flow" then skynet.error(string.format("Resume socket (%d)", s.id)) end
	s.paused = false
	settle(s)
	driver.start(s.id)
end

-- Blocks the reader until `want` is there or the stream has ended. A paused stream is taken up again.
local function wait_for(s, want)
	if s.waiting or s.buffer and driver_wanted(s.buffer) then error "assertion failed!" end
	if not isyieldable() then wait() end -- check_blocking()
	if s.paused then resume_flow(s) end
	s.want = want
	suspend(s, type(want) == "number" and not s.taker and want or nil)
	s.want = false
end

local function pause_flow(s, held)
	if s.paused or not s.connected then return end
	skynet.error(string.format("Pause socket (%d) size : %d", s.id, held))
	driver.pause(s.id)
	s.paused = "flow"
	settle(s)
end

local function forget(s)
	if socket_pool[s.id] ~= s then return end
	remove(s.id)
	if s.buffer then driver.clear(s.buffer, pool) end
end

-- Coroutines inside close() look again whether the id is still in use. When all of them were killed nobody else will.
local function wake_closers(s)
	if not s.closing then return end
	local woken = false
	for _, token in ipairs(s.closing) do woken = wakeup(token) or woken end
	if not woken then forget(s) end
end

-- What was under way has failed.
local function failed(s, reason)
	s.connecting = reason
	wake(s)
	wake_closers(s)
end

-- The stream is over, for whatever reason; the record stays until close(). The end comes in one event only: an error
-- that was on its way when close() was called is not followed by a close event.
local function ended(s)
	s.connected = false
	settle(s)
	wake(s)
	wake_closers(s)
	local onclose = s.onclose
	if onclose then
		s.onclose = nil
		onclose(s.id)
	end
end

socket_message[EVENT_DATA] = function(id, size, data)
	local s = socket_pool[id]
	if s == nil then
		skynet.error("socket: drop package from " .. id)
		driver.drop(data, size)
		return
	end
	local taker = s.taker
	if taker then
		local held = taker(s.taker_owner, data, size)
		if held > PAUSE_BYTES then pause_flow(s, held) end
		return
	end
	local held, want = driver_push(s.buffer, pool, data, size)
	want = want or s.want
	-- Most want any bytes, and that is found without a call.
	local kind = want == 0 and "number" or type(want)
	if kind == "number" then
		if held >= want then
			s.want = false
			wake(s)
			if held - want > PAUSE_BYTES then pause_flow(s, held) end
		end
		return
	end
	if s.limit and held > s.limit then
		skynet.error(string.format("socket buffer overflow: fd=%d size=%d", id, held))
		driver.close(id)
		return ended(s)
	end
	if kind == "string" then
		if driver_readline(s.buffer, nil, want) or (s.line_limit and held > s.line_limit) then
			s.want = false
			wake(s)
			if held > PAUSE_BYTES then pause_flow(s, held) end
		end
	elseif not want and held > PAUSE_BYTES then
		pause_flow(s, held)
	end
end

socket_message[EVENT_CONNECT] = function(id, port, address)
	local s = socket_pool[id]
	-- An id that runs hears "transfer" when it is taken up after a pause.
	if s == nil or not s.connecting then return end
	s.connecting = false
	s.connected = true
	settle(s)
	s.address, s.port = address, port
	wake(s)
end

socket_message[EVENT_CLOSE] = function(id)
	local s = socket_pool[id]
	if s == nil then return end
	if s.connecting then
		failed(s, "socket closed")
	elseif s.connected then
		ended(s)
	end
end

-- The tasks that run the callback of a listen id.
local accepting = setmetatable({}, { __mode = "k" }) ---@type table<thread, integer>  → the id that they were given

-- Who was given a new id raised or was killed. Nobody else may know of it, and its peer may stay for ever. What has been
-- started, here or by another service, goes on.
local function drop_unstarted(id)
	if not socket_pool[id] then driver.close_unstarted(id) end
end

-- When a reader is killed, what comes is for the next one.
killed.listen(socket_pool, function(co)
	for _, s in pairs(socket_pool) do
		if s.waiting and not is_awaited(s.waiting) then
			s.waiting, s.want, s.line_limit = false, false, nil
		end
	end
	local new_id = accepting[co]
	accepting[co] = nil
	if new_id then drop_unstarted(new_id) end
end)

socket_message[EVENT_ACCEPT] = function(id, new_id, address)
	local s = socket_pool[id]
	if s == nil or not s.callback or s.closing then
		-- closed meanwhile
		return driver.close(new_id)
	end
	local task = task_of()
	accepting[task] = new_id
	local ok, err = xpcall(s.callback, debug.traceback, new_id, address)
	accepting[task] = nil
	if ok then return end
	drop_unstarted(new_id)
	error(err, 0)
end

socket_message[EVENT_ERROR] = function(id, _, reason)
	local s = socket_pool[id]
	if s == nil then
		driver.shutdown(id)
		return skynet.error("socket: error on unknown " .. id .. " " .. reason)
	end
	if s.connecting then
		failed(s, reason)
	elseif s.kind ~= "stream" then
		-- a listen id goes on listening, a udp id goes on receiving
		skynet.error("socket: error on " .. id .. " " .. reason)
	elseif s.connected then
		skynet.error("socket: error on " .. id .. " " .. reason)
		driver.shutdown(id)
		ended(s)
	end
end

socket_message[EVENT_UDP] = function(id, size, data, from)
	local s = socket_pool[id]
	if s == nil or not s.callback then
		skynet.error("socket: drop udp package from " .. id)
		return driver.drop(data, size)
	end
	local text = skynet.tostring(data, size)
	driver.drop(data, size)
	s.callback(text, from)
end

local function default_warning(id, kbytes)
	skynet.error(string.format("WARNING: %d K bytes need to send out (fd = %d)", kbytes, id))
end

socket_message[EVENT_WARNING] = function(id, kbytes)
	local s = socket_pool[id]
	if s then (s.warning or default_warning)(id, kbytes) end
end

local function new_record(id, kind, callback)
	local s = {
		id = id,
		kind = kind,
		buffer = kind == "stream" and driver.buffer(id, PAUSE_BYTES) or nil,
		callback = callback,
		connected = false,
		connecting = true,
		waiting = false,
		want = false,
		paused = false,
	}
	socket_pool[id] = s
	return s
end

-- Waits for the connect or error event of a new record. → id, or nil and the reason
local function connected(s, timeout)
	if timeout then
		s.waiting = s
		skynet.sleep(timeout, s)
		s.waiting = false
	else
		suspend(s)
	end
	if s.connected then return s.id end
	remove(s.id)
	if s.connecting == true then
		driver.close(s.id)
		return nil, "timed out"
	end
	return nil, s.connecting or "socket closed"
end

-- The same for an id that the system has just given: when the task is killed meanwhile nobody knows of it.
local function opened(s, timeout)
	local id = s.id
	killed.hold(s, function()
		remove(id)
		driver.close(id)
	end)
	local result, reason = connected(s, timeout)
	killed.release(s)
	return result, reason
end

local function known(id)
	return assert(socket_pool[id])
end

local records = {
	guard = guard,
	socket_pool = socket_pool,
	plain_buffers = plain_buffers,
	pool = pool,
	settle = settle,
	remove = remove,
	wake = wake,
	wake_closers = wake_closers,
	check_blocking = check_blocking,
	wait_for = wait_for,
	resume_flow = resume_flow,
	new_record = new_record,
	connected = connected,
	opened = opened,
	forget = forget,
	known = known,
}

skynet.register_protocol {
	name = "socket",
	id = skynet.PTYPE_SOCKET,
	module = records,
	unpack = driver.unpack,
	dispatch = function(_, _, event, id, ud, data, address)
		return socket_message[event](id, ud, data, address)
	end,
}

return records
