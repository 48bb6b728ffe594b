--- Redis: commands as methods, pipelines, and subscriptions, over one connection that is made again when it broke.
---
--- The codec (skynet.db.redis.codec) reads replies out of whatever has come; each connection has a reader of its
--- own, so half a reply of a broken connection is gone with it.
local skynet = require "skynet"
local socketchannel = require "skynet.socketchannel"
local codec = require "skynet.db.redis.codec"

local encode = codec.command

local redis = {}

-- ---- replies ----------------------------------------------------------------------------------

-- The next reply, a push of RESP3 included. → ok, value, push. Does not yield when it has come already.
local function next_reply(link)
	local reader = link.reader
	if not reader then
		reader = codec.reader()
		link.reader = reader
	end
	local ok, value, push = reader:next()
	while ok == nil do
		ok, value, push = reader:feed(link:read())
	end
	return ok, value, push
end

-- The reply to a command: pushes belong to none.
local function read_reply(link)
	local ok, value, push = next_reply(link)
	while push do ok, value, push = next_reply(link) end
	return ok, value
end

local function read_bool(link)
	local ok, value = read_reply(link)
	if ok then value = value ~= 0 end
	return ok, value
end

-- A text of the server also says whose it is, and of what. A list is raised as it is.
local function naming(name, read)
	return function(link)
		local ok, value = read(link)
		if not ok and type(value) == "string" then
			value = string.format("%s (%s, redis %s:%s)", value, name, link.host, link.port)
		end
		return ok, value
	end
end

-- ---- the connection ---------------------------------------------------------------------------

-- What goes over each new connection first.
local function greeting(conf)
	local commands = {}
	local function add(name, ...)
		commands[#commands + 1] = { text = encode(name, ...), read = naming(name, read_reply) }
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
			channel:request(command.text, command.read)
		end
		if on_connect then on_connect(channel) end
	end
end

local function open(conf, on_connect)
	local channel = socketchannel.channel {
		host = conf.host,
		port = conf.port or 6379,
		auth = login(conf, on_connect),
		tells_refusal = true,
		nodelay = true,
		gather = true,
		timeout = conf.timeout,
		overload = conf.overload,
	}
	channel:connect(true)
	return channel
end

-- ---- commands ---------------------------------------------------------------------------------

---@class skynet.db.redis.client
local client = {}

-- A method for each command, made when it is first called.
local commands = setmetatable(client, {
	__index = function(methods, key)
		if type(key) ~= "string" then return nil end
		local name = string.upper(key)
		local read = naming(name, read_reply)
		local function method(db, ...)
			return db[1]:request(encode(name, ...), read)
		end
		rawset(methods, key, method)
		return method
	end,
})
local client_meta = { __index = commands }

local read_exists, read_sismember = naming("EXISTS", read_bool), naming("SISMEMBER", read_bool)

---@async
---@return boolean
function client:exists(key)
	return self[1]:request(encode("EXISTS", key), read_exists)
end

---@async
---@return boolean
function client:sismember(...)
	return self[1]:request(encode("SISMEMBER", ...), read_sismember)
end

--- Closes. The object has no methods afterwards; calls that wait raise.
---@async
function client:disconnect()
	self[1]:close()
	setmetatable(self, nil)
end

-- Reads the replies to all `ops`: the last one, or with `results` all of them.
local function read_pipeline(ops, results)
	local count = #ops
	if not results then
		return naming("pipeline", function(link)
			local ok, value
			for _ = 1, count do ok, value = read_reply(link) end
			return ok, value
		end)
	end
	return function(link)
		for _ = 1, count do
			local ok, value = read_reply(link)
			results[#results + 1] = { ok = ok, out = value }
		end
		return true, results
	end
end

--- Sends many commands in one write.
---@async
---@param ops any[][]  lists { command, argument ... }
---@param results? table  takes { ok =, out = } for each
---@return any  `results`, or the last reply
function client:pipeline(ops, results)
	assert(ops and #ops > 0, "pipeline is null")
	return self[1]:request(codec.pipeline(ops), read_pipeline(ops, results))
end

---@class skynet.db.redis.conf
---@field host string
---@field port? integer      6379
---@field auth? string       password
---@field username? string
---@field db? integer
---@field protocol? integer  3: RESP3
---@field timeout? integer   cs for each call; the connection is given up when one is late
---@field on_connect? fun(db: skynet.db.redis.client)  after each connect
---@field overload? fun(on: boolean)

--- Connects, once. Raises socketchannel.error when nobody answers, and the server's text when it refuses the login.
---@async
---@param conf skynet.db.redis.conf
---@return skynet.db.redis.client
function redis.connect(conf)
	local on_connect = conf.on_connect
	return setmetatable({
		open(conf, on_connect and function(channel) on_connect(setmetatable({ channel }, client_meta)) end),
	}, client_meta)
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

--- The next message.
---@async
---@return string data
---@return string channel
---@return string? pattern
function watcher:message()
	while true do
		local reply = self.channel:response(next_reply)
		local kind = type(reply) == "table" and reply[1]
		if kind == "message" then return reply[3], reply[2] end
		if kind == "pmessage" then return reply[4], reply[3], reply[2] end
		local change = CONFIRMATIONS[kind]
		if change and reply[2] ~= nil then self[change[1]][reply[2]] = change[2] end
	end
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
		for name in pairs(channels) do channel:request(encode("SUBSCRIBE", name)) end
		for name in pairs(patterns) do channel:request(encode("PSUBSCRIBE", name)) end
	end
	local quiet = setmetatable({}, { __index = conf })
	quiet.timeout, quiet.overload = false, false -- a watcher waits for as long as it takes
	return setmetatable({
		channel = open(quiet, subscribe_again),
		channels = channels,
		patterns = patterns,
	}, watcher_meta)
end

return redis
