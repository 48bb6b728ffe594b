--- One connection of a socketchannel: its socket id (link[1]), the requests that wait for a reply on it, and a coroutine
--- that reads replies and hands them out. A part of skynet.socketchannel.
---
--- When a driver brings a parser of its own, replies are handed out as their bytes come, with no coroutine between, and
--- that coroutine only closes the socket; over TLS it gives the parser what was decrypted. A link holds its channel
--- weakly, so a channel that nobody holds is collected, and its link closed.
local skynet = require "skynet"
local socket = require "skynet.socket"
local is_gone = require "skynet.killed".is_gone

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
---@field alone? boolean  it waits without a request: when its task is killed, what comes is for the next one

---@class skynet.socketchannel.link
---@field broken boolean
---@field unheld? boolean   the channel was collected, which is why the link ends
---@field owner skynet.socketchannel[]  weak: [1] is the channel
---@field write fun(link: table, data: string|string[]): boolean|false  what a driver sends by in the place of the socket: TLS
---@field spent boolean     set by what read a reply: it was the last one that can be told from what follows
---@field idle boolean      order mode: its coroutine waits for requests, with the link as its token
---@field parser skynet.socketchannel.parser|false
---@field parse function|false  its take(), when the blocks that come go to it
---@field unasked function|false  as of skynet.socketchannel.description
---@field host string
---@field port? integer
---@field response function|false  session mode: reads a reply
---@field queue skynet.socketchannel.entry[]  order mode: from head to tail
---@field head integer
---@field tail integer
---@field sessions table<any, skynet.socketchannel.entry>  session mode

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
	-- Memory may be what ran out, and on LuaJIT there is none until garbage is collected: those who wait are still to be told.
	if err ~= socket_error then collectgarbage() end
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
		if not (entry.alone and is_gone(entry.co)) then
			ok, data, left = entry.read(parser, link)
			if ok == nil then return 0 end
		end
		queue[head] = nil
		head = head + 1
		link.head = head
		if entry.ok == nil then -- else it was given up
			entry.ok, entry.data = ok, data
			wakeup(entry.co)
		end
		if link.spent then
			break_link(link, socket_error)
			return 0
		end
	end
	link.head, link.tail = 1, 0
	return left or parser:held()
end

-- Session mode: one reply, or one piece of it.
local function deliver_to(link, session, ok, data, more)
	local entry = link.sessions[session]
	if entry == nil then
		skynet.error("socket: unknown session :", session)
	elseif deliver(entry, ok, data, more) then
		link.sessions[session] = nil
	end
end

-- With a parser, in session mode: hands out the replies that are there, and keeps the beginning of the next one.
local function hand_out_by_session(link, parser)
	local response = link.response
	local session, ok, data, more = response(parser, link)
	while session ~= nil do
		deliver_to(link, session, ok, data, more)
		session, ok, data, more = response(parser, link)
	end
	return 0
end

-- With a parser, in order mode, and nobody waits: a reply that is there now would be taken for that to the next request,
-- and so would be all that follow. → bytes held, of one that is not whole
local function refuse_unasked(link, parser)
	if not link.unasked(parser) then return parser:held() end
	skynet.error("socket: a reply that nobody asked for :", link.host, link.port or "")
	break_link(link, socket_error)
	return 0
end

-- With a parser: a block has come.
local function take(link, data, size)
	local parser = link.parser
	link.parse(parser, data, size)
	if link.broken then return 0 end
	local ok, left = pcall(link.response and hand_out_by_session or hand_out, link, parser)
	if ok and left > 0 and link.unasked then ok, left = pcall(refuse_unasked, link, parser) end
	if ok then return left end
	break_link(link, left)
	return 0
end

local function parse_blocks(link)
	link.parse = link.parser.take
	socket.take(link[1], take, link)
end

--- For a driver whose log-in reads by itself: from the next reply on, a parser reads. To be called by what reads a reply.
---@param parser skynet.socketchannel.parser  with what has come for it already
function link_methods:parse_by(parser)
	self.parser = parser
end

-- With a parser, and TLS before it: one reply.
local function read_decrypted(link, entry)
	local parser, read = link.parser, entry.read
	local ok, data = read(parser, link)
	while ok == nil do
		parser:feed(link:read())
		ok, data = read(parser, link)
	end
	return ok, data
end

local function read_reply(link, entry)
	if link.parser then return read_decrypted(link, entry) end
	return entry.read(link)
end

-- Until the blocks that come go to a parser.
local function read_in_order(link)
	while not link.broken and not link.parse do
		local entry = link.queue[link.head]
		if entry then
			local ok, good, data, more = pcall(read_reply, link, entry)
			if link.broken then break end
			if not ok then
				break_link(link, good)
			elseif deliver(entry, good, data, more) then
				pop_entry(link)
				if link.spent then break_link(link, socket_error) end
				if link.parser and not link.write then parse_blocks(link) end
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

-- With a parser, and TLS before it: what has come, read by the parser.
local function feed_and_hand_out(link)
	local parser = link.parser
	parser:feed(link:read())
	if not link.broken then hand_out_by_session(link, parser) end
end

local function read_by_session(link)
	local parser, response = link.parser, link.response
	while not link.broken do
		local ok, session, good, data, more
		if parser then
			ok, session = pcall(feed_and_hand_out, link)
		else
			ok, session, good, data, more = pcall(response, link)
		end
		if link.broken then break end
		if not ok then
			break_link(link, session)
		elseif session ~= nil then
			deliver_to(link, session, good, data, more)
		elseif not parser then
			break_link(link, socket_error)
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
	if not link.response then
		read_in_order(link)
	elseif not link.parse then
		read_by_session(link)
	end
	while not link.broken do wait(link) end
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
	elseif link.parse and tail == link.head and link.parser:held() > 0 then
		-- What has come already, before it was asked for.
		local ok, err = pcall(hand_out, link, link.parser)
		if not ok then break_link(link, err) end
		socket.resume(link[1])
	end
end

-- Waits for the reply to a request that was sent over `link`. → how it ended (channel.ask), data, link
local function await(link, response, watched, alone)
	local entry = { read = nil, co = running(), ok = nil, data = nil, alone = alone }
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

local function new_link(self, id, host, port)
	local link = setmetatable({ id }, self.link_meta)
	-- All that each request asks for: what a table does not have is looked for behind its metatable as well.
	link.broken, link.spent, link.write, link.idle, link.parser, link.parse = false, false, false, false, false, false
	link.owner = setmetatable({ self }, WEAK)
	link.host, link.port = host, port
	link.response, link.unasked = self.session_response, self.unasked
	link.queue, link.head, link.tail = {}, 1, 0
	link.sessions = {}
	local new_parser = self.new_parser
	if new_parser then
		link.parser = new_parser()
		-- A handshake reads by itself, and what comes after it is TLS.
		if not self.handshake then parse_blocks(link) end
	end
	socket.onclose(id, function()
		if link.broken then return end
		if link.parse and (link.response or link.head <= link.tail) then
			break_link(link, socket_error)
		elseif link.parse or link.idle then
			lost_while_idle(link)
		end
	end)
	return link
end

return {
	error = socket_error,
	read = link_methods.read,
	readline = link_methods.readline,
	parse_by = link_methods.parse_by,
	new = new_link,
	serve = serve_link,
	write = write,
	await = await,
	finish = finish,
	give_up = give_up,
	break_link = break_link,
}
