--- Queries under way: over UDP to one server after the other, over TCP when an answer does not fit into a datagram.
---
--- Of what comes only that counts which is from the server's own address and port, carries the random id of a query
--- under way and repeats its question.
local skynet = require "skynet"
local socket = require "skynet.socket"
local crypt = require "skynet.crypt"
local killed = require "skynet.killed"
local message = require "skynet.dns.message"

local LATE = 3000  -- cs that a query is remembered after its last wait
local IDLE = 6000  -- cs; a link without a query for this long, to twice this long, is closed
-- Queries that leave from one port. A forger who does not see them has to guess port and id together.
local LINK_QUERIES = 100

local exchange = {}

---@class skynet.dns.query
---@field name string
---@field qtype integer
---@field answer? skynet.dns.answer  the last that came; of `waiting_for` when that has said no
---@field from? table                the link that brought it
---@field waiting boolean            a task sleeps with this table as its token
---@field done? fun(answer: skynet.dns.answer)  hears of addresses, also of those that come too late

---@type table<string, table>  "address port" → the udp id in use and the queries sent over it
local links = {}

local function server_name(server)
	return (server.address:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(server.address, server.port)
end

-- → the answer, or nothing when these bytes are none
local function understand(query, data)
	local ok, answer = pcall(message.read_answer, data, query.name, query.qtype)
	if not ok then
		return skynet.error("dns: a malformed answer about", query.name, ":", answer)
	end
	for _, owner in ipairs(answer.strangers) do skynet.error("dns: an answer about", query.name, "names", owner) end
	return answer
end

local function accept(query, answer, link)
	-- What another server has refused does not undo an answer.
	if query.answer and query.answer.addresses[1] then return end
	query.answer, query.from = answer, link
	if answer.addresses[1] then query.done(answer) end
	if query.waiting then skynet.wakeup(query) end
end

local function close(link)
	if link.closed then return end
	link.closed = true
	if links[link.key] == link then links[link.key] = nil end
	skynet.fork(socket.close, link.id)
end

-- A link that gets no more queries goes when it has no more answers to hear.
local function forget(link, id)
	link.queries[id] = nil
	if links[link.key] ~= link and next(link.queries) == nil then close(link) end
end

local function receive(link, data, from)
	local ip, port = socket.udp_address(from)
	if not link.from[ip] or port ~= link.server.port or #data < message.HEAD then
		return skynet.error("dns: no answer of the name server, but a datagram from", ip, port)
	end
	local id = message.read_u16(data, 1)
	local query = link.queries[id]
	if not query or data:byte(3) < 128 then return end
	local answer = understand(query, data)
	if not answer then return end
	forget(link, id)
	accept(query, answer, link)
end

local function close_when_idle(link)
	skynet.timeout(IDLE, function()
		if not link.closed and skynet.now() - link.used < IDLE then return close_when_idle(link) end
		close(link)
	end)
end

-- The link to a server, a new one when there is none. Raises when the system gives none.
local function link_to(server)
	local key = server.address .. " " .. server.port
	local link = links[key]
	if not link or link.sent >= LINK_QUERIES then
		link = { key = key, server = server, queries = {}, from = {}, sent = 0, used = skynet.now() }
		for _, ip in ipairs(socket.resolve(server.address)) do link.from[ip:gsub("%%.*", "")] = true end
		link.id = socket.udp_dial(server.address, server.port, function(data, from) receive(link, data, from) end)
		local full = links[key]
		links[key] = link
		if full and next(full.queries) == nil then close(full) end
		close_when_idle(link)
	end
	return link
end

local function random_id(queries)
	for _ = 1, 100 do
		local id = message.read_u16(crypt.randomkey(), 1)
		if not queries[id] then return id end
	end
	error "too many queries under way"
end

-- Sends the query to one more server. For a while after the last wait an answer may still fill the cache.
local function send(query, server)
	local link = link_to(server)
	local id = random_id(link.queries)
	link.queries[id] = query
	link.used, link.sent = skynet.now(), link.sent + 1
	socket.write(link.id, message.query(id, query.name, query.qtype))
	query.sent[#query.sent + 1] = function()
		if link.queries[id] == query then forget(link, id) end
	end
	return link
end

-- Asks over TCP. → the answer, or nil and why there is none
local function ask_tcp(query, server, patience)
	local deadline = skynet.now() + patience
	local id, reason = socket.open(server.address, server.port, patience)
	if not id then return nil, "TCP: " .. reason end
	local open, held = true, {}
	killed.hold(held, function() skynet.fork(socket.close, id) end)
	skynet.timeout(math.max(deadline - skynet.now(), 0), function()
		if open then socket.shutdown(id) end
	end)
	local number = message.read_u16(crypt.randomkey(), 1)
	local bytes = message.query(number, query.name, query.qtype)
	socket.write(id, message.u16(#bytes) .. bytes)
	local head = socket.read(id, 2)
	local data = head and socket.read(id, message.read_u16(head, 1))
	open = false
	killed.release(held)
	socket.close(id)
	if not data then return nil, skynet.now() >= deadline and "TCP: timed out" or "TCP: the connection ended" end
	if #data < message.HEAD or message.read_u16(data, 1) ~= number or data:byte(3) < 128 then
		return nil, "TCP: no answer to this query"
	end
	local answer = understand(query, data)
	if not answer then return nil, "TCP: a malformed answer" end
	if answer.truncated then return nil, "TCP: a truncated answer" end
	return answer
end

-- Waits for a word of that server. → its answer, which may be a refusal, or any server's addresses; nil and why
local function ask_server(query, server, patience, tcp_only)
	if tcp_only then
		local answer, reason = ask_tcp(query, server, patience)
		if answer then accept(query, answer, nil) end
		return answer, reason
	end
	query.answer, query.from = nil, nil
	local ok, link = pcall(send, query, server)
	if not ok then return nil, tostring(link):gsub("^.-:%d+: ", "") end
	local deadline = skynet.now() + patience
	while true do
		query.waiting = true
		local woken = skynet.sleep(math.max(deadline - skynet.now(), 0), query)
		query.waiting = false
		local answer, from = query.answer, query.from
		if answer and answer.truncated then
			query.answer = nil
			local reason
			answer, reason = ask_tcp(query, from.server, patience)
			if not answer then return nil, "its answer is truncated, and over " .. reason end
			accept(query, answer, from)
			return answer
		end
		if answer and (answer.addresses[1] or from == link) then return answer end
		if woken ~= "BREAK" then return nil, string.format("no answer within %g s", patience / 100) end
	end
end

-- resolv.conf(5): the first time each server has `timeout`; later rounds take longer, and share it among the servers.
local function patience_of(round, settings)
	local seconds = settings.timeout * round
	if round > 1 then seconds = math.max(seconds / #settings.servers, 1) end
	return seconds * 100
end

local first = 0 -- the server that a query begins with, under `rotate`

--- Asks for the addresses of a name.
---@async
---@param settings skynet.dns.settings  with one server at least
---@param name string
---@param qtype integer
---@param done fun(answer: skynet.dns.answer)  called with addresses, also when they come too late for this call
---@return string[]? addresses
---@return string? code  without addresses: what a server said ("NXDOMAIN", "no data", ...); nil: none has answered
---@return string? details  for people: what came from which server
function exchange.ask(settings, name, qtype, done)
	local query = { name = name, qtype = qtype, done = done, sent = {}, waiting = false }
	local servers = settings.servers
	if settings.rotate then first = first + 1 end
	local said, code = {}, nil
	local function finish()
		skynet.timeout(LATE, function()
			for _, forget in ipairs(query.sent) do forget() end
		end)
	end
	for round = 1, settings.attempts do
		local silent = false
		for i = 1, #servers do
			local server = servers[(first + i - 1) % #servers + 1]
			local answer, reason = ask_server(query, server, patience_of(round, settings), settings.tcp)
			if answer and answer.addresses[1] then
				finish()
				return answer.addresses
			end
			said[i] = server_name(server) .. ": " .. (reason or answer.code)
			if answer and (answer.code == "NXDOMAIN" or answer.code == "no data") then
				finish()
				return nil, answer.code, said[i]
			end
			silent = silent or not answer
			code = answer and answer.code or code
		end
		if not silent then break end
	end
	finish()
	return nil, code, table.concat(said, "; ")
end

--- Queries from now on leave from new ports; those under way still wait for their answers.
function exchange.renew()
	local before = links
	links = {}
	for _, link in pairs(before) do
		if next(link.queries) == nil then close(link) end
	end
end

return exchange
