--- One TCP connection shared by many coroutines, connected when it is needed and again when it broke.
---
--- Each connection is a link of its own (skynet.socketchannel.link). A broken link fails its own requests; the
--- channel then makes another one, which cannot see late replies of the one before.
local skynet = require "skynet"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local deadlines = require "skynet.deadlines"
local engine = require "skynet.engine"
local lead = require "skynet.leader"
local links = require "skynet.socketchannel.link"
local check_blocking = require "skynet.socket.records".check_blocking -- before a request to whose reply nobody can wait

local MAX_PAUSE = 10 -- seconds between two attempts of an endless connect()
local MAX_MOVES = 16 -- times that one attempt follows changehost() calls of auth()

local socket_error, await, break_link, send = links.error, links.await, links.break_link, socket.write

---@class skynet.socketchannel
---@field private __sock skynet.socketchannel.link|false  these three names are skynet's: programs look at them. [1] of
---@field private __host string                           __sock is the socket's id; false: there is no connection
---@field private __port? integer
---@field private closed boolean
---@field private generation integer    counts changehost() and close(): an attempt notices
---@field private connecting? table[]   tokens of coroutines that wait for the attempt under way
---@field private auth_thread thread|false
---@field private pausing table|false   the token of an endless connect() between two attempts
local channel = {}
channel.__index = channel

-- ---- connecting -------------------------------------------------------------------------------

local function watch_queue(self, link)
	local id, notify = link[1], self.overload_notify
	local state = self.overload
	socket.warning(id, function(_, kbytes)
		if kbytes == 0 then
			if state.on then
				state.on = false
				notify(false)
			end
		elseif not state.on then
			state.on = true
			notify(true)
		else
			skynet.error(string.format("WARNING: %d K bytes need to send out (fd = %d)", kbytes, id), link.host, link.port or "")
		end
	end)
	if state.on then
		state.on = false
		notify(false)
	end
end

-- True when the link may be used by the calling coroutine; false when the channel is closed; else nil.
local function usable(self)
	if self.closed then return false end
	local link = self.__sock
	if link and not link.broken and (not self.auth_thread or self.auth_thread == coroutine.running()) then return true end
end

-- The channel has no link any more. → the id of the socket that is to be closed, if there was one
local function lose_link(self)
	local link = self.__sock
	if not link then return nil end
	self.__sock = false
	self.holder.link = nil
	break_link(link, socket_error)
	return link[1]
end

local function drop_link(self)
	local id = lose_link(self)
	if id then socket.close(id) end
end

-- Runs what a driver does with a link before others may use it. → true, or nil and the reason
local function prepare(self, generation, what, f, argument)
	self.auth_thread = coroutine.running()
	local ok, message = pcall(f, argument)
	self.auth_thread = false
	if self.generation ~= generation then return nil, "the address was changed" end
	if ok then return true end
	drop_link(self)
	skynet.error("socket: " .. what .. " failed", message)
	if message == socket_error then return nil, "closed during " .. what end
	self.refusal = self.tells_refusal and message or nil
	return nil, message
end

-- Who connects was killed: a link that is not ready goes with him.
local function cut_attempt(self)
	if not self.auth_thread then return end
	self.auth_thread = false
	local id = lose_link(self)
	if id then skynet.fork(socket.close, id) end
end

-- One address. → true, or nil, the reason, and true when it was there. A change of generation is noticed by the caller.
local function connect_to(self, host, port)
	local generation = self.generation
	local id, err = socket.open(host, port, self.connect_timeout)
	if not id then return nil, err end
	if self.generation ~= generation then
		socket.close(id)
		return nil, "the address was changed"
	end
	if self.nodelay then driver.nodelay(id) end
	local link = links.new(self, id, host, port)
	self.__sock = link
	self.holder.link = link
	if self.overload_notify then watch_queue(self, link) end
	if self.handshake then
		local ok, reason = prepare(self, generation, "handshake", self.handshake, link)
		if not ok then return nil, reason, true end
	end
	skynet.fork(links.serve, link)
	if self.auth then
		local ok, reason = prepare(self, generation, "auth", self.auth, self)
		if not ok then return nil, reason, true end
		if link.broken then return nil, "closed during auth", true end
	end
	self.__host, self.__port = host, port
	return true
end

-- The first address, then the backups, once each. → true, or nil and the last reason
local function connect_once(self)
	local reason
	for _ = 1, MAX_MOVES do
		local generation = self.generation
		local ok, was_there
		self.refusal = nil
		ok, reason, was_there = connect_to(self, self.__host, self.__port)
		local backup, i = self.backup or {}, 1
		while not ok and self.generation == generation and backup[i] do
			local host, port = backup[i], self.__port
			if type(host) == "table" then host, port = host.host, host.port end
			skynet.error("socket: connect to backup host", host, port or "")
			ok, reason = connect_to(self, host, port)
			i = i + 1
		end
		if ok then return true end
		if self.closed then return nil, "closed" end
		if self.generation == generation then
			if i > 1 or was_there then reason = "no more backup host : " .. tostring(reason) end
			return nil, reason
		end
	end
	return nil, reason
end

local function connect_for_ever(self)
	local pause = 0
	while not self.closed do
		local ok, reason = connect_once(self)
		if ok then
			skynet.error("socket: connect to", self.__host, self.__port or "")
			return
		end
		if self.closed then return end
		skynet.error("socket: connect", reason)
		self.pausing = {}
		skynet.sleep(pause * 100, self.pausing)
		self.pausing = false
		pause = pause < MAX_PAUSE and pause + 1 or 0
	end
end

-- → true: connected; false: the channel is closed. Raises when `once` and no address answers.
local function block_connect(self, once)
	while true do
		local state = usable(self)
		if state ~= nil then return state end
		-- auth() lost its connection: nobody else would connect meanwhile
		if self.auth_thread == coroutine.running() then error(socket_error) end
		if self.connecting then
			-- share the attempt under way
			local waiters, token = self.connecting, {}
			table.insert(waiters, token)
			skynet.wait(token)
			local failed = not waiters.interrupted and not self.connecting
			if once and failed and usable(self) == nil then error(socket_error) end
		else
			local waiters = {}
			self.connecting = waiters
			local finish = lead(waiters, function(interrupted)
				self.connecting = nil
				waiters.interrupted = interrupted
				if interrupted then cut_attempt(self) end
			end)
			local clean, ok, reason = pcall(once and connect_once or connect_for_ever, self)
			finish()
			if not clean then error(ok, 0) end
			if once and not ok and not self.closed then
				skynet.error("Connect failed", reason, self.__host, self.__port or "")
				error(self.refusal or socket_error, 0)
			end
		end
	end
end

-- The channel was closed, or has got another address: an endless connect() that pauses looks again.
local function end_pause(self)
	if self.pausing then skynet.wakeup(self.pausing) end
end

-- ---- the public face --------------------------------------------------------------------------

local function result(ok, data)
	if ok == true then return data end
	error(data, 0)
end

--- Connects, and opens a closed channel again.
---@async
---@param once? boolean  true: every address is tried once, and socketchannel.error raised when none answers;
---                      else tries for ever, with pauses of 0, 1, 2 ... 10 s
---@return boolean connected  false: close() was called meanwhile
function channel:connect(once)
	self.closed = false
	return block_connect(self, once)
end

-- The link to send over, connected if needed.
local function ready_link(self)
	local link = self.__sock
	if link and not link.broken and not self.closed and not self.auth_thread then return link end
	assert(block_connect(self, true))
	return self.__sock
end

--- Sends a request and waits for its reply. Connects first, if needed.
--- Raises socketchannel.error when the connection fails, and the reply's data when it is not ok.
---@async
---@param request string|string[]
---@param response? any  order mode: f(sock) → ok, data [, more]; session mode: the session. nil: no reply is waited for
---@param padding? string[]  further parts; all parts are sent with low priority then
---@return any data
function channel:request(request, response, padding)
	if response ~= nil then check_blocking() end
	local link = ready_link(self)
	local id = link[1]
	local sent
	if padding then
		sent = socket.lwrite(id, request)
		for _, part in ipairs(padding) do
			sent = sent and socket.lwrite(id, part)
		end
	else
		sent = links.write(link, request)
	end
	if not sent then
		break_link(link, socket_error)
		error(socket_error)
	end
	if response == nil then return end
	return result(await(link, response, self.watched))
end

--- The same for drivers that want to know how a request ended: nothing is raised but the misuse of a closed channel.
---@async
---@param request string
---@param response any  as for request()
---@return boolean|string ok  true; false: the reply says no; "lost": sent, and no reply; "unsent": never left
---@return any data  the reply's, or what request() would raise
---@return skynet.socketchannel.link? link  over which it came
function channel:ask(request, response)
	check_blocking()
	local link = self.__sock
	if not link or link.broken or self.closed or self.auth_thread then
		local ok, state = pcall(block_connect, self, true)
		if not ok then return "unsent", state end
		assert(state)
		link = self.__sock
	end
	local sent
	if link.write then sent = link:write(request) else sent = send(link[1], request) end
	if not sent then
		break_link(link, socket_error)
		return "unsent", socket_error
	end
	return await(link, response, self.watched)
end

--- Whether somebody waits for a reply.
---@return boolean
function channel:busy()
	local link = self.__sock
	return link and (link.head <= link.tail or next(link.sessions) ~= nil) or false
end

--- Waits for a reply without a request; waits for a connection for ever.
---@async
---@param response any  as for request()
---@param timed? boolean  true: the channel's timeout holds, as for a request
---@return any data
function channel:response(response, timed)
	check_blocking()
	assert(block_connect(self))
	return result(await(self.__sock, response, timed and self.watched, true))
end

--- The link that a request goes over which is made before the caller yields. Connects first, if needed.
---@async
---@return skynet.socketchannel.link
function channel:link()
	return ready_link(self)
end

--- Whether a request would be sent at once.
---@return boolean
function channel:ready()
	return usable(self) == true
end

--- Ends the wait for the reply to a session: who waits for it raises `err`. The reply, should it come, is dropped.
---@param link skynet.socketchannel.link  that the request went over
---@param session any
---@param err any
function channel:abandon(link, session, err)
	local entry = link.sessions[session]
	if not entry then return end
	link.sessions[session] = nil
	links.finish(entry, "lost", err)
end

--- Closes; requests raise until connect() is called.
---@async
function channel:close()
	if self.closed then return end
	self.closed = true
	self.generation = self.generation + 1
	end_pause(self)
	drop_link(self)
end

--- Moves to another address: the connection is closed, the next request connects there.
---@async
---@param host string
---@param port? integer  nil: as before
function channel:changehost(host, port)
	self.__host = host
	self.__port = port or self.__port
	self.generation = self.generation + 1
	end_pause(self)
	if not self.closed then drop_link(self) end
end

--- Replaces the list of backup addresses.
---@param backup? table
function channel:changebackup(backup)
	self.backup = backup
end

---@class skynet.socketchannel.description
---@field host string
---@field port? integer      nil: it is part of `host`
---@field backup? table      list of hosts, or of { host =, port = }
---@field auth? fun(channel: skynet.socketchannel)  after each connect; raising gives the address up
---@field tells_refusal? boolean  what auth raises reaches who made the request; else that is socketchannel.error, and the log has it
---@field response? fun(sock: table, link?: table): any, boolean, any, boolean?  session mode
---@field nodelay? boolean
---@field parser? fun(): skynet.socketchannel.parser  makes what keeps a connection's bytes. The functions that read replies
---                            then get the parser in place of `sock`: f(parser, link) → ok, data [, held], or in session
---                            mode what `response` gives; nil when more bytes are needed. They are called again for the
---                            same reply, and must not block
---@field unasked? fun(parser: skynet.socketchannel.parser): boolean  whether a reply is there: asked when nobody waits for
---                            one. Then the connection is given up
---@field handshake? fun(link: skynet.socketchannel.link)  before anything else is read or sent; raising gives the address up
---@field connect_timeout? integer  cs for a connect; `timeout` when absent
---@field timeout? integer   cs for a connect, and for each reply; the connection is given up when one is late
---@field overload? fun(on: boolean)
---@field socket_read? fun(sock: table, n?: integer): string
---@field socket_readline? fun(sock: table, sep?: string): string

---@class skynet.socketchannel.parser
---@field take fun(self, block: lightuserdata, size: integer)  owns the block
---@field feed fun(self, bytes: string)  what TLS has decrypted
---@field held fun(self): integer  bytes of no reply that was taken

---@class skynet.socketchannel.module
---@field error table  what every failure of the connection raises
local socketchannel = { error = socket_error }

--- A channel; it connects at the first request.
---@param description skynet.socketchannel.description
---@return skynet.socketchannel
function socketchannel.channel(description)
	local holder = {}
	local methods = {
		read = description.socket_read or links.read,
		readline = description.socket_readline or links.readline,
		parse_by = links.parse_by,
	}
	return setmetatable({
		__sock = false,
		__host = assert(description.host),
		__port = description.port,
		backup = description.backup,
		auth = description.auth,
		tells_refusal = description.tells_refusal,
		-- Asked for at each request: what a table does not have is looked for behind its metatable as well.
		auth_thread = false,
		pausing = false,
		session_response = description.response or false,
		nodelay = description.nodelay,
		new_parser = description.parser,
		unasked = description.unasked or false,
		handshake = description.handshake,
		timeout = description.timeout or nil,
		connect_timeout = description.connect_timeout or description.timeout or nil,
		watched = description.timeout and deadlines(description.timeout, links.give_up) or false,
		overload_notify = description.overload or nil,
		overload = { on = false },
		link_meta = { __index = methods },
		generation = 0,
		closed = false,
		holder = holder,
		guard = engine.finalizer(function()
			local link = holder.link
			if link and not link.broken then
				link.unheld = true
				driver.close(link[1])
			end
		end),
	}, channel)
end

return socketchannel
