--- Streams and datagrams for services: every read blocks the calling coroutine only.
local skynet = require "skynet"
local driver = require "skynet.socketdriver"
local records = require "skynet.socket.records"

local socket_pool, plain_buffers, pool = records.socket_pool, records.plain_buffers, records.pool
local settle, remove = records.settle, records.remove
local wake, wake_closers, wait_for, resume_flow = records.wake, records.wake_closers, records.wait_for, records.resume_flow
local check_blocking = records.check_blocking
local forget = records.forget
local new_record, connected, opened, known = records.new_record, records.connected, records.opened, records.known
local driver_push, driver_pop, driver_read, driver_readall, driver_readline =
	driver.push, driver.pop, driver.read, driver.readall, driver.readline

---@class skynet.socket
local socket = {}

--- Connects a TCP stream.
---@async
---@param addr string  a host, or "host:port", "[v6]:port"
---@param port? integer
---@param timeout? integer  cs; nil: for as long as the system tries
---@return integer? id  nil: failed
---@return string? reason  "timed out" when `timeout` ended it
function socket.open(addr, port, timeout)
	check_blocking()
	local id, reason = driver.connect(addr, port)
	if id < 0 then return nil, reason or "invalid address" end
	return opened(new_record(id, "stream"), timeout)
end

--- Adopts a descriptor of the operating system; it is not closed with the id.
---@async
---@param os_fd integer
---@return integer? id
---@return string? reason
function socket.bind(os_fd)
	check_blocking()
	local id = driver.bind(os_fd)
	if id < 0 then return nil, "too many sockets" end
	return opened(new_record(id, "stream"))
end

--- The standard input as an id.
---@async
function socket.stdin()
	return socket.bind(0)
end

--- Binds an address and listens. Nothing is accepted before start(). Raises "Listen error".
---@async
---@param host string
---@param port? integer  0: the system chooses; nil: it is part of `host`
---@param backlog? integer
---@return integer id
---@return string ip  as bound
---@return integer port  as bound
function socket.listen(host, port, backlog)
	check_blocking()
	local id = driver.listen(host, port, backlog)
	local s = new_record(id, "listen")
	local ok, reason = opened(s)
	if not ok then error(string.format("Listen error: %s: %s", port and host .. ":" .. port or host, reason), 2) end
	return id, s.address, s.port
end

--- Starts an id: a listen id accepts, an accepted or abandoned id reads and now belongs to this service.
---@async
---@param id integer
---@param accept? fun(id: integer, address: string)  for a listen id; in a coroutine of its own, may block
---@return integer? id  nil: the id is unknown or its peer has gone
---@return string? reason
function socket.start(id, accept)
	local s = socket_pool[id]
	if s == nil then
		check_blocking()
		s = new_record(id, accept and "listen" or "stream", accept)
	elseif s.kind ~= "listen" then
		if not s.connected then return nil, "socket closed" end
		error("socket is not closed", 2)
	elseif s.started or not s.connected then
		s.callback = accept
		return id
	end
	check_blocking()
	s.callback = accept
	s.started = true
	s.connected, s.connecting = false, true
	driver.start(id)
	return connected(s)
end

-- What is left of a stream that has ended.
local function rest(buffer)
	return false, driver_readall(buffer, pool)
end

-- n bytes, or all that are held; nil when there are not so many.
local function take(buffer, n)
	if n then return (driver_pop(buffer, pool, n)) end
	local bytes = driver_readall(buffer, pool)
	return bytes ~= "" and bytes or nil
end

-- A read that needs the record. `n` may be a text, as the header of a message has it.
local function read(s, n)
	if type(n) == "string" then n = assert(tonumber(n), "the number of bytes to read is no number") end
	if n ~= nil and n <= 0 then return "" end
	local bytes = take(s.buffer, n)
	if not bytes and s.connected then
		wait_for(s, n or 0)
		bytes = take(s.buffer, n)
	end
	if bytes then return bytes end
	return rest(s.buffer)
end

-- A read that the driver has not done. With `buffer` it has waited there, and something else has ended that.
local function finish_read(id, n, buffer)
	if not buffer then return read(known(id), n) end
	local bytes = take(buffer, n)
	if bytes then return bytes end
	return rest(buffer)
end

--- Without `n`: all bytes held, at least one, waiting for it. With `n`: exactly n bytes.
---@async
---@param id integer
---@param n? integer
---@return string|false bytes  false: the stream ended before
---@return string? rest  what came before the end
function socket.read(id, n)
	local buffer = plain_buffers[id]
	-- Most reads end here: the driver waits as well.
	local bytes = buffer and driver_read(buffer, n)
	if bytes then return bytes end
	return finish_read(id, n, bytes == nil and buffer)
end

-- Where C functions can go on after a wait, one that does the same.
if driver.reader then socket.read = driver.reader(plain_buffers, finish_read) end

--- The text before the next separator, which is taken off.
---@async
---@param id integer
---@param sep? string  default "\n"
---@param limit? integer  bytes; when more are held without a separator: nil, and they stay held
---@return string|false|nil text  false: the stream ended before a separator
---@return string? rest
function socket.readline(id, sep, limit)
	sep = sep or "\n"
	local s = socket_pool[id] or known(id)
	local text = driver_readline(s.buffer, pool, sep)
	if text then return text end
	if s.connected and not (limit and socket.held(id) > limit) then
		s.line_limit = limit
		wait_for(s, sep)
		s.line_limit = nil
		text = driver_readline(s.buffer, pool, sep)
		if text then return text end
	end
	if limit and socket.held(id) > limit then return nil end
	return rest(s.buffer)
end

--- All bytes until the stream ends, however many: set a limit() for peers that are not trusted.
---@async
---@param id integer
---@return string|false bytes  false: it had ended already and nothing was held
function socket.readall(id)
	local s = known(id)
	if not s.connected then
		local bytes = driver_readall(s.buffer, pool)
		return bytes ~= "" and bytes
	end
	wait_for(s, true)
	return (driver_readall(s.buffer, pool))
end

--- Waits until bytes are held.
---@async
---@param id integer
---@return boolean held  false: the stream has ended, or the id is unknown
function socket.block(id)
	local s = socket_pool[id]
	if s == nil then return false end
	if socket.held(id) > 0 then return true end
	if not s.connected then return false end
	wait_for(s, 0)
	return socket_pool[id] == s and socket.held(id) > 0
end

--- The number of received bytes that no read has taken yet.
---@param id integer
---@return integer bytes
function socket.held(id)
	local s = known(id)
	local _, held = driver_pop(s.buffer, pool, 0)
	return held
end

--- Puts bytes back in front of what is held: for readers that took more than they need.
---@param id integer  nothing happens when it is unknown
---@param bytes string
function socket.unread(id, bytes)
	local s = socket_pool[id]
	if s == nil or bytes == "" then return end
	driver_push(s.buffer, pool, driver.str2p(bytes .. driver_readall(s.buffer, pool)))
end

socket.write = assert(driver.send)
socket.lwrite = assert(driver.lsend)
socket.header = assert(driver.header)
socket.netstat = assert(driver.info)
socket.resolve = assert(driver.resolve)

--- Closes: queued bytes are sent, a waiting reader gets its `false, rest` first. Then the id is unknown here.
--- An id that was accepted for this service and that nobody has started is closed, too, without waiting.
---@async
---@param id integer
function socket.close(id)
	local s = socket_pool[id]
	if s == nil then return driver.close_unstarted(id) end
	local token = {}
	local first = not s.closing
	s.closing = s.closing or {}
	table.insert(s.closing, token)
	if first then driver.close_for(id) end
	while s.connected or s.connecting == true do
		skynet.wait(token)
	end
	forget(s)
end

--- Cuts at once, unsent bytes are lost; readers get false. close() is still due.
---@param id integer
function socket.shutdown(id)
	if socket_pool[id] then driver.shutdown(id) end
end

--- Closes an id that this service has not started; does not wait.
---@param id integer
function socket.close_fd(id)
	if socket_pool[id] then error("Use socket.close instead", 2) end
	driver.close(id)
end

--- Forgets an id without closing it, so that another service can start() it. When nobody has done so by the time its
--- peer ends, the id is closed.
---@param id integer
function socket.abandon(id)
	local s = socket_pool[id]
	if s == nil then return end
	s.connected = false
	remove(id)
	driver.abandon(id)
	wake(s)
	wake_closers(s)
end

--- Stops reading; the next read that has to wait resumes.
---@param id integer
function socket.pause(id)
	local s = socket_pool[id]
	if s == nil or s.paused or not s.connected then return end
	s.paused = true
	settle(s)
	driver.pause(id)
end

--- For drivers with a parser of their own: from now on each block that comes goes to `taker`, which owns it and must not
--- block; no function here reads from the id any more. `taker` returns how many bytes it keeps that nobody has asked
--- for: when they are many, the stream is paused until resume().
---@param id integer
---@param taker fun(owner: any, data: lightuserdata, size: integer): integer
---@param owner any
function socket.take(id, taker, owner)
	local s = known(id)
	s.taker, s.taker_owner = taker, owner
	settle(s)
end

--- Ends a pause.
---@param id integer
function socket.resume(id)
	local s = socket_pool[id]
	if s and s.paused then resume_flow(s) end
end

--- When more than `n` bytes are held and no read of a fixed size waits, the stream is closed.
---@param id integer
---@param n? integer
function socket.limit(id, n)
	if n ~= nil then n = tonumber(n) or error("socket.limit: a number of bytes expected, got " .. tostring(n), 2) end
	known(id).limit = n
end

--- The most bytes that may wait to be sent to a peer that does not read. A write that would leave more ends the
--- connection; 0: any number, as at first.
---@type fun(id: integer, bytes: integer)
socket.sendlimit = assert(driver.sendlimit)

---@param id integer
---@return boolean  true: this service does not hold the id
function socket.invalid(id)
	return socket_pool[id] == nil
end

---@param id integer
---@return boolean?  nil: unknown; true: the stream has ended
function socket.disconnected(id)
	local s = socket_pool[id]
	if s then return not (s.connected or s.connecting == true) end
end

--- `f(id, kbytes)` when the bytes that wait to be sent pass 1, 2, 4 ... MiB, and with 0 when all are sent.
---@param id integer
---@param f fun(id: integer, kbytes: integer)
function socket.warning(id, f)
	known(id).warning = f
end

--- `f(id)` once, when the stream ends, by either side; nil takes it away.
---@param id integer
---@param f? fun(id: integer)
function socket.onclose(id, f)
	local s = socket_pool[id]
	if s then s.onclose = f end
end

-- A udp id sends and receives at once.
local function new_udp(id, callback)
	local s = new_record(id, "udp", callback)
	s.connected, s.connecting = true, false
	return id
end

--- A udp id; without an address it is not bound. `callback(bytes, from)`, `from` as for sendto().
---@param callback fun(bytes: string, from: string)
---@param host? string
---@param port? integer
---@return integer id
function socket.udp(callback, host, port)
	return new_udp(driver.udp(host, port), callback)
end

--- A udp id bound to an address.
---@return integer id
function socket.udp_listen(host, port, callback)
	return new_udp(driver.udp_listen(host, port), callback)
end

--- A udp id with a default destination for write().
---@return integer id
function socket.udp_dial(host, port, callback)
	return new_udp(driver.udp_dial(host, port), callback)
end

--- Sets the default destination of a udp id, and a new callback if given.
---@param id integer
---@param host string
---@param port? integer
---@param callback? fun(bytes: string, from: string)
function socket.udp_connect(id, host, port, callback)
	driver.udp_connect(id, host, port)
	local s = socket_pool[id]
	if s == nil then
		new_udp(id, callback)
	elseif callback then
		s.callback = callback
	end
end

socket.sendto = assert(driver.udp_send)
socket.udp_address = assert(driver.udp_address)

return socket
