--- Redis: commands as methods, pipelines, and subscriptions, over one connection that is made again when it broke.
---
--- The codec (skynet.db.redis.codec) reads replies where they came in; each connection has a reader of its own, so half
--- a reply of a broken connection is gone with it.
local socketchannel = require "skynet.socketchannel"
local codec = require "skynet.db.redis.codec"

local encode = codec.command
local unpack = table.unpack or unpack

local redis = {}

-- ---- replies ----------------------------------------------------------------------------------

-- Methods of a connection's reader: → ok, value, bytes held behind it; nil: more bytes are needed.
local next_answer, next_reply, collect, has_answer
do
	local reader = codec.reader()
	next_answer, next_reply, collect, has_answer = reader.next, reader.any, reader.collect, reader.has_answer
end

local function read_bool(reader)
	local ok, value, held = next_answer(reader)
	if ok then value = value ~= 0 end
	return ok, value, held
end

--- Raises why a command failed. A text of the server also says whose it is, and of what; a list is raised as it is.
---@param ok boolean|string  how the command ended; this and the following as of skynet.socketchannel's ask()
---@param what any
---@param link? skynet.socketchannel.link
---@param name string
function redis.fail(ok, what, link, name)
	if ok == false and type(what) == "string" then
		what = string.format("%s (%s, redis %s:%s)", what, name, link.host, link.port)
	end
	error(what, 0)
end

-- Sends a command and waits for what `read` makes of the answer.
local function ask(channel, name, bytes, read)
	local ok, value, link = channel:ask(bytes, read)
	if ok == true then return value end
	redis.fail(ok, value, link, name)
end

-- ---- the connection ---------------------------------------------------------------------------

-- What goes over each new connection first.
local function greeting(conf)
	local commands = {}
	local function add(name, ...)
		commands[#commands + 1] = { name = name, bytes = encode(name, ...) }
	end
	if conf.protocol == 3 then add("HELLO", 3) end
	if conf.auth and conf.username then
		add("AUTH", conf.username, conf.auth)
	elseif conf.auth then
		add("AUTH", conf.auth)
	end
	if conf.db then add("SELECT", conf.db) end
	return commands
end

-- NOAUTH is HELLO's answer before AUTH: that order is the server's.
local function login(conf, on_connect)
	local commands = greeting(conf)
	if conf.protocol == 3 and conf.auth then table.insert(commands, table.remove(commands, 1)) end
	if #commands == 0 and not on_connect then return nil end
	return function(channel)
		for _, command in ipairs(commands) do
			ask(channel, command.name, command.bytes, next_answer)
		end
		if on_connect then on_connect(channel) end
	end
end

local function open(conf, on_connect, is_watcher)
	local channel = socketchannel.channel {
		host = conf.host,
		port = conf.port or 6379,
		auth = login(conf, on_connect),
		tells_refusal = true,
		nodelay = true,
		parser = codec.reader,
		unasked = not is_watcher and has_answer or nil,
		timeout = conf.timeout,
		connect_timeout = conf.connect_timeout,
		overload = conf.overload,
	}
	channel.is_resp3 = conf.protocol == 3
	channel:connect(true)
	return channel
end

-- ---- commands ---------------------------------------------------------------------------------

---@class skynet.db.redis.client
local client = {}

-- With RESP3 a server answers these by messages that belong to no caller, who would wait for ever, and take the next
-- caller's reply.
local SUBSCRIBING = {}
for _, name in ipairs { "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE" } do
	SUBSCRIBING[name] = true
	SUBSCRIBING[name:gsub("SUB", "UNSUB")] = true
end

local function refuse_without_reply(channel, name)
	if not channel.is_resp3 then return end
	error(string.format("redis: %s has no reply with protocol = 3: messages are for redis.watch", name), 3)
end

local function subscribing_method(name)
	return function(db, ...)
		refuse_without_reply(db[1], name)
		return ask(db[1], name, encode(name, ...), next_answer)
	end
end

-- A method for each command, made when it is first called.
local commands = setmetatable(client, {
	__index = function(methods, key)
		if type(key) ~= "string" then return nil end
		local name = string.upper(key)
		local function method(db, ...)
			local ok, value, link = db[1]:ask(encode(name, ...), next_answer)
			if ok == true then return value end
			redis.fail(ok, value, link, name)
		end
		if SUBSCRIBING[name] then method = subscribing_method(name) end
		rawset(methods, key, method)
		return method
	end,
})
local client_meta = { __index = commands }

---@async
---@return boolean
function client:exists(key)
	return ask(self[1], "EXISTS", encode("EXISTS", key), read_bool)
end

---@async
---@return boolean
function client:sismember(...)
	return ask(self[1], "SISMEMBER", encode("SISMEMBER", ...), read_bool)
end

--- Closes. The object has no methods afterwards; calls that wait raise.
---@async
function client:disconnect()
	setmetatable(self, nil)
	self[1]:close()
end

-- Reads `count` replies: the last one, or with `results` all of them.
local function read_pipeline(count, results)
	local left = count
	if results then
		return function(reader)
			left = collect(reader, left, results)
			if left == 0 then return true, results end
		end
	end
	return function(reader)
		while true do
			local ok, value = next_answer(reader)
			if ok == nil then return nil end
			left = left - 1
			if left == 0 then return ok, value end
		end
	end
end

--- Sends many commands in one write.
---@async
---@param ops any[][]  lists { command, argument ... }
---@param results? table  takes { ok =, out = } for each
---@return any  `results`, or the last reply
function client:pipeline(ops, results)
	assert(ops and #ops > 0, "pipeline is null")
	if results ~= nil and type(results) ~= "table" then
		error("redis: the results of a pipeline go into a table, not into a " .. type(results), 2)
	end
	if self[1].is_resp3 then
		for _, op in ipairs(ops) do
			local name = type(op) == "table" and string.upper(tostring(op[1]))
			if SUBSCRIBING[name] then refuse_without_reply(self[1], name) end
		end
	end
	return ask(self[1], "pipeline", codec.pipeline(ops), read_pipeline(#ops, results))
end

---@class skynet.db.redis.conf
---@field host string
---@field port? integer      6379
---@field auth? string       password
---@field username? string
---@field db? integer
---@field protocol? integer  3: RESP3
---@field timeout? integer   cs for a connect and for each call; the connection is given up when one is late
---@field on_connect? fun(db: skynet.db.redis.client)  after each connect
---@field overload? fun(on: boolean)

local function client_of(channel)
	return setmetatable({ channel }, client_meta)
end

--- Connects, once. Raises socketchannel.error when nobody answers, and the server's text when it refuses the login.
---@async
---@param conf skynet.db.redis.conf
---@return skynet.db.redis.client
function redis.connect(conf)
	local on_connect = conf.on_connect
	return client_of(open(conf, on_connect and function(channel) on_connect(client_of(channel)) end))
end

-- Reads what follows the answer to ASKING.
local function read_after_asking(read)
	local asked = false
	return function(reader)
		if not asked then
			if next_answer(reader) == nil then return nil end
			asked = true
		end
		return read(reader)
	end
end

local BOOLEAN = { EXISTS = true, SISMEMBER = true }

--- For the cluster: sends a command, after ASKING if wished, and tells how that ended instead of raising.
---@async
---@param db skynet.db.redis.client
---@param asking boolean
---@param name string  in capitals
---@return boolean|string ok  as of skynet.socketchannel's ask()
---@return any value
---@return skynet.socketchannel.link? link
function redis.attempt(db, asking, name, ...)
	local read = BOOLEAN[name] and read_bool or next_answer
	local bytes = name == "EXISTS" and encode(name, (...)) or encode(name, ...)
	if asking then
		bytes = encode "ASKING" .. bytes
		read = read_after_asking(read)
	end
	return db[1]:ask(bytes, read)
end

--- For the cluster: whether somebody waits for an answer.
---@param db skynet.db.redis.client
---@return boolean
function redis.busy(db)
	return db[1]:busy()
end

-- ---- subscriptions ----------------------------------------------------------------------------

---@class skynet.db.redis.watcher
local watcher = {}
local watcher_meta = { __index = watcher }

for _, name in ipairs { "subscribe", "psubscribe", "unsubscribe", "punsubscribe" } do
	watcher[name] = function(self, ...)
		for i = 1, select("#", ...) do
			self.channel:request(encode(string.upper(name), (select(i, ...))))
		end
	end
end

-- What a server's confirmation changes: the set of subscriptions, and whether the name is in it.
local CONFIRMATIONS = {
	subscribe = { "channels", true },
	unsubscribe = { "channels", nil },
	psubscribe = { "patterns", true },
	punsubscribe = { "patterns", nil },
}

-- Reads up to the next message, whoever sent what comes before it. → ok, what message() returns as a list
local function read_message(self)
	return function(reader)
		while true do
			local ok, reply, held = next_reply(reader)
			if not ok then return ok, reply, held end
			local kind = type(reply) == "table" and reply[1]
			if kind == "message" then return true, { reply[3], reply[2] }, held end
			if kind == "pmessage" then return true, { reply[4], reply[3], reply[2] }, held end
			local change = CONFIRMATIONS[kind]
			if change and reply[2] ~= nil then self[change[1]][reply[2]] = change[2] end
		end
	end
end

--- The next message. Several that wait are served in the order in which they came.
---@async
---@return string data
---@return string channel
---@return string? pattern
function watcher:message()
	return unpack(self.channel:response(self.read))
end

--- Closes; a waiting message() raises.
---@async
function watcher:disconnect()
	setmetatable(self, nil)
	self.channel:close()
end

--- A connection for subscriptions. After a lost connection the waiting message() raises; the next one connects
--- again, and what was confirmed is subscribed again.
---@async
---@param conf skynet.db.redis.conf
---@return skynet.db.redis.watcher
function redis.watch(conf)
	local channels, patterns = {}, {}
	local function subscribe_again(channel)
		if conf.on_connect then conf.on_connect(client_of(channel)) end
		for name in pairs(channels) do channel:request(encode("SUBSCRIBE", name)) end
		for name in pairs(patterns) do channel:request(encode("PSUBSCRIBE", name)) end
	end
	local quiet = setmetatable({}, { __index = conf })
	-- A message may take as long as it likes, a connect may not.
	quiet.timeout, quiet.connect_timeout, quiet.overload = false, conf.timeout, false
	local self = {
		channel = open(quiet, subscribe_again, true),
		channels = channels,
		patterns = patterns,
	}
	self.read = read_message(self)
	return setmetatable(self, watcher_meta)
end

return redis
