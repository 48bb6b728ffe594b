--- One TCP connection shared by many coroutines, connected when it is needed and again when it broke.
---
--- A *link* is one connection: its socket id (link[1]), the requests that wait for a reply on it, and a
--- coroutine that reads replies and hands them out. When a driver brings a parser of its own, replies are
--- handed out as their bytes come, with no coroutine between, and that coroutine only closes the socket.
--- A link holds its channel weakly, so a channel that nobody holds is collected, and its link closed. A broken
--- link fails its own requests; the channel then makes another link, which cannot see late replies of the one
--- before.
local skynet = require "skynet"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local deadlines = require "skynet.deadlines"
local engine = require "skynet.engine"
local killed = require "skynet.killed"

local MAX_PAUSE = 10 -- seconds between two attempts of an endless connect()
local MAX_MOVES = 16 -- times that one attempt follows changehost() calls of auth()

local WEAK = { __mode = "v" }

local wait, wakeup, running, send = skynet.wait, skynet.wakeup, coroutine.running, socket.write

-- Raised for every failure of the connection; compare with ==.
local socket_error = setmetatable({}, { __tostring = function() return "[Error: socket]" end })

---@class skynet.socketchannel.entry  one request that waits
---@field read? function   order mode: reads its reply
---@field co thread        of who waits
---@field ok? boolean|string  nil: it still waits; "lost": there will be no reply
---@field data any         the reply, or what to raise
---@field pieces? table    the pieces of a padded reply so far
---@field link? skynet.socketchannel.link  when there is a timeout

---@class skynet.socketchannel.link
---@field broken boolean
---@field unheld? boolean   the channel was collected, which is why the link ends
---@field owner skynet.socketchannel[]  weak: [1] is the channel
---@field write? fun(link: table, data: string|string[]): boolean  what a driver sends by in the place of the socket: TLS
---@field spent? boolean    set by what read a reply: it was the last one that can be told from what follows
---@field idle? boolean     order mode: its coroutine waits for requests, with the link as its token
---@field parser? skynet.socketchannel.parser
---@field parse? function  its take()
---@field host string
---@field port? integer
---@field response? function  session mode: reads a reply
---@field queue skynet.socketchannel.entry[]  order mode: from head to tail
---@field head integer
---@field tail integer
---@field sessions table<any, skynet.socketchannel.entry>  session mode

---@class skynet.socketchannel
---@field private __sock skynet.socketchannel.link|false  these three names are skynet's: programs look at them. [1] of
---@field private __host string                           __sock is the socket's id; false: there is no connection
---@field private __port? integer
---@field private closed boolean
---@field private generation integer    counts changehost() and close(): an attempt notices
---@field private connecting? table[]   tokens of coroutines that wait for the attempt under way
---@field private auth_thread? thread
local channel = {}
channel.__index = channel

-- ---- links: replies ---------------------------------------------------------------------------

local link_methods = {}

function link_methods:read(n)
	local bytes = socket.read(self[1], n)
	if not bytes then error(socket_error) end
	return bytes
end

function link_methods:readline(sep)
	local text = socket.readline(self[1], sep)
	if not text then error(socket_error) end
	return text
end

local function finish(entry, ok, data)
	if entry.ok ~= nil then return end
	entry.ok, entry.data = ok, data
	wakeup(entry.co)
end

-- One reply, or one piece of it. True: that entry needs no more.
local function deliver(entry, ok, data, more)
	if ok and (more or entry.pieces) then
		local pieces = entry.pieces or {}
		entry.pieces = pieces
		pieces[#pieces + 1] = data
		if more then return false end
		data = pieces
	end
	finish(entry, ok and true or false, data)
	return true
end

-- No reply will come over this link any more.
local function break_link(link, err)
	if link.broken then return end
	link.broken = true
	local owner = link.owner[1]
	if owner and owner.__sock == link then owner.__sock = false end
	for i = link.head, link.tail do
		finish(link.queue[i], "lost", err)
	end
	link.queue, link.head, link.tail = {}, 1, 0
	local sessions = link.sessions
	link.sessions = {}
	for _, entry in pairs(sessions) do
		finish(entry, "lost", err)
	end
	skynet.wakeup(link)
end

local function lost_while_idle(link)
	if not link.unheld then skynet.error("socket closed by peer :", link.host, link.port or "") end
	break_link(link, socket_error)
end

-- The entry at the head has its reply.
local function pop_entry(link)
	local head = link.head
	link.queue[head] = nil
	-- Numbers that grow for ever would make the table grow and shrink all the time.
	if head == link.tail then
		link.head, link.tail = 1, 0
	else
		link.head = head + 1
	end
end

-- With a parser: hands out the replies that are there. → bytes that nobody has asked for
local function hand_out(link, parser)
	local queue, head, left = link.queue, link.head, nil
	while head <= link.tail do
		local entry, ok, data = queue[head], nil, nil
		ok, data, left = entry.read(parser)
		if ok == nil then return 0 end
		queue[head] = nil
		head = head + 1
		link.head = head
		if entry.ok == nil then -- else it was given up
			entry.ok, entry.data = ok, data
			wakeup(entry.co)
		end
	end
	link.head, link.tail = 1, 0
	return left or parser:held()
end

-- With a parser: a block has come.
local function take(link, data, size)
	local parser = link.parser
	link.parse(parser, data, size)
	if link.broken then return 0 end
	local ok, left = pcall(hand_out, link, parser)
	if ok then return left end
	break_link(link, left)
	return 0
end

local function read_in_order(link)
	while not link.broken do
		local entry = link.queue[link.head]
		if entry then
			local ok, good, data, more = pcall(entry.read, link)
			if link.broken then break end
			if not ok then
				break_link(link, good)
			elseif deliver(entry, good, data, more) then
				pop_entry(link)
				if link.spent then break_link(link, socket_error) end
			end
		elseif socket.disconnected(link[1]) ~= false then
			lost_while_idle(link)
		else
			link.idle = true
			skynet.wait(link)
			link.idle = false
		end
	end
end

local function read_by_session(link)
	local response = link.response
	while not link.broken do
		local ok, session, good, data, more = pcall(response, link)
		if link.broken then break end
		if not ok then
			break_link(link, session)
		elseif session == nil then
			break_link(link, socket_error)
		else
			local entry = link.sessions[session]
			if entry == nil then
				skynet.error("socket: unknown session :", session)
			elseif deliver(entry, good, data, more) then
				link.sessions[session] = nil
			end
		end
	end
end

-- A call that got no reply in time. Replies come in order, so all that were sent after it wait as well: the
-- connection is given up.
local function give_up(entry)
	if entry.ok ~= nil then return end
	local link = entry.link
	skynet.error("socket: no reply in time :", link.host, link.port or "")
	finish(entry, "lost", string.format("timed out waiting for %s:%s", link.host, link.port))
	break_link(link, socket_error)
	socket.close(link[1])
end

local function write(link, data)
	if link.write then return link:write(data) end
	return send(link[1], data)
end

local function serve_link(link)
	if link.parser then
		while not link.broken do wait(link) end
	elseif link.response then
		read_by_session(link)
	else
		read_in_order(link)
	end
	socket.close(link[1])
end

-- An entry that waits for the next reply in order.
local function line_up(link, entry, read)
	entry.read = read
	local tail = link.tail + 1
	link.tail = tail
	link.queue[tail] = entry
	if link.idle then
		wakeup(link)
	elseif link.parser and tail == link.head and link.parser:held() > 0 then
		-- What has come already, before it was asked for.
		local ok, err = pcall(hand_out, link, link.parser)
		if not ok then break_link(link, err) end
		socket.resume(link[1])
	end
end

-- Waits for the reply to a request that was sent over `link`. → how it ended (channel.ask), data, link
local function await(link, response, watched)
	local entry = { read = nil, co = running(), ok = nil, data = nil }
	if link.response then
		if link.sessions[response] then error("the session " .. tostring(response) .. " is waited for already", 4) end
		link.sessions[response] = entry
	else
		line_up(link, entry, response)
	end
	if watched then
		entry.link = link
		watched:add(entry)
	end
	while entry.ok == nil do wait() end
	if watched then watched:remove(entry) end
	return entry.ok, entry.data, link
end

local function result(ok, data)
	if ok == true then return data end
	error(data, 0)
end

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

local function new_link(self, id, host, port)
	local link = setmetatable({ id }, self.link_meta)
	link.broken = false
	link.owner = setmetatable({ self }, WEAK)
	link.host, link.port = host, port
	link.response = self.session_response
	link.queue, link.head, link.tail = {}, 1, 0
	link.sessions = {}
	local new_parser = self.new_parser
	if new_parser then
		link.parser = new_parser()
		link.parse = link.parser.take
		socket.take(id, take, link)
	end
	socket.onclose(id, function()
		if link.broken then return end
		if link.parser and link.head <= link.tail then
			break_link(link, socket_error)
		elseif link.parser or link.idle then
			lost_while_idle(link)
		end
	end)
	return link
end

-- True when the link may be used by the calling coroutine; false when the channel is closed; else nil.
local function usable(self)
	if self.closed then return false end
	local link = self.__sock
	if link and not link.broken and (not self.auth_thread or self.auth_thread == coroutine.running()) then return true end
end

local function drop_link(self)
	local link = self.__sock
	if not link then return end
	self.__sock = false
	self.holder.link = nil
	break_link(link, socket_error)
	socket.close(link[1])
end

-- Runs what a driver does with a link before others may use it. → true, or nil and the reason
local function prepare(self, generation, what, f, argument)
	self.auth_thread = coroutine.running()
	local ok, message = pcall(f, argument)
	self.auth_thread = nil
	if self.generation ~= generation then return nil, "the address was changed" end
	if ok then return true end
	drop_link(self)
	if message == socket_error then return nil, "closed during " .. what end
	skynet.error("socket: " .. what .. " failed", message)
	self.refusal = self.tells_refusal and message or nil
	return nil, message
end

-- One address. → true, or nil and the reason. A change of generation is noticed by the caller.
local function connect_to(self, host, port)
	local generation = self.generation
	local id, err = socket.open(host, port, self.connect_timeout)
	if not id then return nil, err end
	if self.generation ~= generation then
		socket.close(id)
		return nil, "the address was changed"
	end
	if self.nodelay then driver.nodelay(id) end
	local link = new_link(self, id, host, port)
	self.__sock = link
	self.holder.link = link
	if self.overload_notify then watch_queue(self, link) end
	if self.handshake then
		local ok, reason = prepare(self, generation, "handshake", self.handshake, link)
		if not ok then return nil, reason end
	end
	skynet.fork(serve_link, link)
	if self.auth then
		local ok, reason = prepare(self, generation, "auth", self.auth, self)
		if not ok then return nil, reason end
		if link.broken then return nil, "closed during auth" end
	end
	self.__host, self.__port = host, port
	return true
end

-- The first address, then the backups, once each. → true, or nil and the last reason
local function connect_once(self)
	local reason
	for _ = 1, MAX_MOVES do
		local generation = self.generation
		local ok
		self.refusal = nil
		ok, reason = connect_to(self, self.__host, self.__port)
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
			if i > 1 then reason = "no more backup host : " .. tostring(reason) end
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
		skynet.sleep(pause * 100)
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
			local token = {}
			table.insert(self.connecting, token)
			skynet.wait(token)
			if once and usable(self) == nil and not self.connecting then error(socket_error) end
		else
			local waiters = {}
			self.connecting = waiters
			local co = coroutine.running()
			local function ended()
				killed.listen(waiters, nil)
				self.connecting = nil
				for _, token in ipairs(waiters) do skynet.wakeup(token) end
			end
			-- When this one is killed, the next one connects.
			killed.listen(waiters, function(gone)
				if gone == co and self.connecting == waiters then ended() end
			end)
			local clean, ok, reason = pcall(once and connect_once or connect_for_ever, self)
			ended()
			if not clean then error(ok, 0) end
			if once and not ok and not self.closed then
				skynet.error("Connect failed", reason, self.__host, self.__port or "")
				error(self.refusal or socket_error, 0)
			end
		end
	end
end

-- ---- the public face --------------------------------------------------------------------------

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
	local link = ready_link(self)
	local id = link[1]
	local sent
	if padding then
		sent = socket.lwrite(id, request)
		for _, part in ipairs(padding) do
			sent = sent and socket.lwrite(id, part)
		end
	else
		sent = write(link, request)
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
	assert(block_connect(self))
	return result(await(self.__sock, response, timed and self.watched))
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
	finish(entry, "lost", err)
end

--- Closes; requests raise until connect() is called.
---@async
function channel:close()
	if self.closed then return end
	self.closed = true
	self.generation = self.generation + 1
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
---@field response? fun(sock: table): any, boolean, any, boolean?  session mode
---@field nodelay? boolean
---@field parser? fun(): skynet.socketchannel.parser  order mode: makes what keeps a connection's bytes. The functions that
---                            read replies then get the parser in place of `sock`: f(parser) → ok, data [, held]; nil when
---                            more bytes are needed. They are called again for the same reply, and must not block
---@field handshake? fun(link: skynet.socketchannel.link)  before anything else is read or sent; raising gives the address up
---@field connect_timeout? integer  cs for a connect; `timeout` when absent
---@field timeout? integer   cs for a connect, and for each reply; the connection is given up when one is late
---@field overload? fun(on: boolean)
---@field socket_read? fun(sock: table, n?: integer): string
---@field socket_readline? fun(sock: table, sep?: string): string

---@class skynet.socketchannel.parser
---@field take fun(self, block: lightuserdata, size: integer)  owns the block
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
		read = description.socket_read or link_methods.read,
		readline = description.socket_readline or link_methods.readline,
	}
	return setmetatable({
		__sock = false,
		__host = assert(description.host),
		__port = description.port,
		backup = description.backup,
		auth = description.auth,
		tells_refusal = description.tells_refusal,
		session_response = description.response,
		nodelay = description.nodelay,
		new_parser = description.parser,
		handshake = description.handshake,
		timeout = description.timeout or nil,
		connect_timeout = description.connect_timeout or description.timeout or nil,
		watched = description.timeout and deadlines(description.timeout, give_up) or nil,
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
