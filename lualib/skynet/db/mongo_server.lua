--- One server of a MongoDB client: its connection with TLS, log-in and compression, and commands on it.
---
--- The server that a client writes to looks for the primary: after each connect it asks who that is, and moves there.
--- The servers that a client only reads from stay where they are.
local skynet = require "skynet"
local socket = require "skynet.socket"
local socketchannel = require "skynet.socketchannel"
local deadlines = require "skynet.deadlines"
local driver = require "skynet.mongo.driver"
local bson = require "bson"
local mongo_auth = require "skynet.db.mongo_auth"

local encode_order, decode = bson.encode_order, bson.decode
local unpack = table.unpack or unpack
local running = coroutine.running

local MORE_TO_COME = 2 -- the flag of a request that the server must not answer
local MOST_BYTES = 48000000 -- of a message, for a server that does not say
local RETRY_PAUSE = 50 -- cs between two looks for a primary
local SEARCH_TIME = 10 -- seconds that a server may take to say that it is no primary any more

-- Never compressed: a server must understand them whatever it knows, and what has a password in it shall not be
-- found out by its size.
local PLAIN = {}
for name in ("ismaster isMaster hello saslStart saslContinue getnonce authenticate createUser updateUser copydbSaslStart "
	.. "copydbgetnonce copydb"):gmatch "%S+" do PLAIN[name] = true end

---@class skynet.db.mongo.server
---@field host string     where it is, or was last
---@field port integer
---@field hello table|false  what it said of itself at the last log-in
---@field private options skynet.db.mongo.options
---@field private channel skynet.socketchannel
---@field private watched skynet.deadlines|false  calls that wait, when there is a time for them
---@field private failure string|false   why the last log-in failed
---@field private refused boolean        the log-in failed for a reason that does not pass by itself
---@field private login_thread thread|false
---@field private searching table[]|false  tokens of those who wait for the search of a new primary
---@field private closed boolean
local server = {}
server.__index = server

-- ---- requests ---------------------------------------------------------------------------------

-- The reply stays in bytes here: what is wrong inside of it concerns its caller, not the link.
local function read_reply(reader, link)
	local rest = reader:next()
	if not rest then return nil end
	if link.compressor then rest = require "skynet.mongo.compression".inflate(rest) end
	local ok, id = driver.reply(rest)
	if not ok then error("mongo: a message shorter than its header", 0) end
	return id, true, rest
end

local function pack(self, link, name, id, flags, document)
	local message = driver.op_msg(id, flags, document)
	-- The server would close the connection, and fail all who wait.
	local most = self.hello and self.hello.maxMessageSizeBytes or MOST_BYTES
	if #message > most then
		error(string.format("%s: %s of %d bytes: more than the %d of a message", tostring(self), name, #message, most), 0)
	end
	if not link.compressor or PLAIN[name] then return message end
	return require "skynet.mongo.compression".deflate(message, link.compressor, self.options.zlib_level)
end

function server:__tostring()
	return string.format("mongo %s:%s", tostring(self.host), tostring(self.port))
end

local function too_late(self, what)
	return string.format("%s: no answer to %s within %s s", tostring(self), what, tostring(self.options.timeout))
end

-- f(...), in a coroutine of its own: raises when the deadline comes first. What f gives later is dropped.
local function within_deadline(self, what, f, ...)
	local limit = self.options.timeout
	if not limit then return f(...) end
	local token, ended, ok, result = {}, false, false, nil
	local args = { ... }
	skynet.fork(function()
		ok, result = pcall(f, unpack(args))
		ended = true
		skynet.wakeup(token)
	end)
	if not ended then skynet.sleep(math.ceil(limit * 100), token) end
	if not ended then error(too_late(self, what), 0) end
	if not ok then error(result, 0) end
	return result
end

-- → the bytes of the reply. `left`: cs until it is too late for it
local function exchange(self, link, name, document, left)
	local id = self.next_id()
	local message = pack(self, link, name, id, 0, document)
	if not left then return self.channel:request(message, id) end
	local wait = { link = link, id = id, name = name }
	self.watched:add(wait, left)
	-- When it raises, the link is gone, and the watch finds nothing to end.
	local rest = self.channel:request(message, id)
	self.watched:remove(wait)
	return rest
end

-- Nobody sends while somebody asks who the primary is.
local function wait_for_search(self)
	while self.searching do
		local token = {}
		table.insert(self.searching, token)
		skynet.wait(token)
	end
end

--- The link that a request goes over which is made before the caller yields. Connects when that is needed; while no
--- address answers as it should, it tries again until the time for that is over.
---@async
---@param once? boolean  true: it does not try again
function server:link(once)
	local channel = self.channel
	if self.login_thread == running() then return channel:link() end
	wait_for_search(self)
	local limit, deadline = self.options.selection_timeout, nil
	if once or not limit then return channel:link() end
	while true do
		local ok, link = pcall(channel.link, channel)
		if ok then return link end
		if self.closed or self.refused then error(link, 0) end
		deadline = deadline or skynet.now() + limit * 100
		if skynet.now() >= deadline then error(link, 0) end
		skynet.sleep(RETRY_PAUSE)
	end
end

--- Sends a command's document and waits for the reply. Raises when the connection fails, and when the time is over.
---@async
---@return table reply
function server:call(name, document)
	local channel, limit = self.channel, self.options.timeout
	local rest
	if not limit or self.login_thread == running() then
		-- A log-in has a time of its own.
		rest = exchange(self, self:link(), name, document)
	else
		local deadline = skynet.now() + math.ceil(limit * 100)
		if self.searching or not channel:ready() then within_deadline(self, name, self.link, self) end
		rest = exchange(self, channel:link(), name, document, math.max(1, deadline - skynet.now()))
	end
	local _, _, reply = driver.reply(rest)
	return (decode(reply))
end

--- Whether what call() raised is about the connection, or the time: another try may go well.
---@param err any
---@return boolean
function server:is_about_link(err)
	if err == socketchannel.error or err == self.failure then return true end
	return type(err) == "string" and err:find(": no answer to ", 1, true) ~= nil
end

--- Sends a command that is not answered.
---@async
function server:post(name, document)
	local link = self:link()
	self.channel:request(pack(self, link, name, self.next_id(), MORE_TO_COME, document))
end

--- A command, without anything that a session or a preference adds.
---@async
---@return table reply
function server:run(db, name, value, ...)
	return self:call(name, encode_order(name, value or 1, "$db", db, ...))
end

-- ---- log-in -----------------------------------------------------------------------------------

local function address(text)
	local host, port = text:match "^%[(.-)%]:(%d+)$"
	if not host then host, port = text:match "^(.-):(%d+)$" end
	return host or text, tonumber(port) or 27017
end

-- Closes a link that takes too long to become usable. → a function that ends the watch
local function watch(self, link)
	local limit = self.options.connect_timeout
	local ended = not limit
	if limit then
		skynet.timeout(math.ceil(limit * 100), function()
			if ended then return end
			self.failure = string.format("%s: no answer to a log-in within %s s", tostring(self), tostring(limit))
			socket.close(link[1])
		end)
	end
	return function() ended = true end
end

-- `user` ("DB.NAME") asks as well how that one may log in.
local function ask_hello(self, user)
	local options, args = self.options, {}
	if user then args = { "saslSupportedMechs", user } end
	if options.compressors then
		args[#args + 1] = "compression"
		args[#args + 1] = options.compressors
	end
	return self:run("admin", "ismaster", 1, unpack(args))
end

--- Logs in. Without a method it is SCRAM-SHA-1, as in skynet, and SCRAM-SHA-256 for a user that only has that;
--- "negotiate" asks first and takes the better one. Raises when the server refuses.
---@async
---@return table? hello  the reply, when it was asked
function server:authenticate(db, user, password, method)
	local function run(...) return self:run(db, ...) end
	local hello, refusal
	if method == "negotiate" then
		hello = ask_hello(self, db .. "." .. user)
		method = mongo_auth.offers(hello, "scram_sha256") and "scram_sha256" or "scram_sha1"
	end
	if method then
		mongo_auth.log_in(run, db, method, user, password)
		return hello
	end
	refusal = mongo_auth.log_in(run, db, "scram_sha1", user, password, true)
	if not refusal then return end
	hello = ask_hello(self, db .. "." .. user)
	if not mongo_auth.offers(hello, "scram_sha256") then mongo_auth.fail(user, db, refusal) end
	mongo_auth.log_in(run, db, "scram_sha256", user, password)
	return hello
end

-- The first of ours that the server knows.
local function agree_on_compressor(ours, theirs)
	if not ours or type(theirs) ~= "table" then return nil end
	local known = {}
	for _, name in ipairs(theirs) do known[name] = true end
	for _, name in ipairs(ours) do
		if known[name] then return name end
	end
end

-- Is this the primary? Moves there when it is another one.
local function find_primary(self, channel, hello)
	if hello.hosts then
		local backup = {}
		for i, text in ipairs(hello.hosts) do
			local host, port = address(text)
			backup[i] = { host = host, port = port }
		end
		channel:changebackup(backup)
	end
	if hello.ismaster then return end
	if not hello.primary then error("is no primary and knows none", 0) end
	self.host, self.port = address(hello.primary)
	channel:changehost(self.host, self.port)
end

local function check_set(self, hello)
	local wanted = self.options.replica_set
	if wanted and hello.setName ~= wanted then
		self.refused = true
		error(string.format("is in the set %s, not in %s", tostring(hello.setName), wanted), 0)
	end
end

-- Raises why the link cannot be used, and keeps it for connect().
local function fail(self, err)
	if err ~= socketchannel.error then
		err = string.format("%s: %s", tostring(self), tostring(err))
		self.failure = err
	end
	error(err, 0)
end

-- Runs after every connect. The cause of a failure is kept for who asks why.
local function log_in(self, channel)
	local link = channel:link()
	self.failure, self.refused, self.login_thread = false, false, running()
	self.host, self.port = link.host, link.port
	link.compressor = nil
	local end_watch = watch(self, link)
	local ok, err = pcall(function()
		local options, hello = self.options, nil
		if options.username and options.password then
			local done, result = pcall(self.authenticate, self, options.authdb, options.username, options.password, options.authmod)
			if not done then
				self.refused = result ~= socketchannel.error
				error(result, 0)
			end
			hello = result
		end
		hello = hello or ask_hello(self)
		self.hello = hello
		if hello.ok ~= 1 then return end
		check_set(self, hello)
		link.compressor = agree_on_compressor(options.compressors, hello.compression)
		self.on_hello(self, hello)
		if self.seeks_primary then find_primary(self, channel, hello) end
	end)
	end_watch()
	self.login_thread = false
	if ok then return end
	fail(self, err)
end

local function shake_hands(self, link)
	local end_watch = watch(self, link)
	-- An address is no name to ask for.
	local named = link.host:find "[^%d.]" and not link.host:find(":", 1, true)
	local any_name = self.options.tls.allow_invalid_hostnames
	local ok, err = pcall(require "skynet.db.tls_link".start, link, {
		context = self.tls_settings.context,
		hostname = not any_name and link.host or nil,
		asked_for = any_name and named and link.host or nil,
	})
	end_watch()
	if ok then return end
	fail(self, err == socketchannel.error and err or "TLS: " .. tostring(err))
end

-- ---- fail-over --------------------------------------------------------------------------------

local function search(self, link)
	local channel = self.channel
	local ended = false
	skynet.timeout(SEARCH_TIME * 100, function()
		if not ended then socket.close(link[1]) end
	end)
	local ok, hello = pcall(function()
		local rest = exchange(self, link, "ismaster", encode_order("ismaster", 1, "$db", "admin"))
		local _, _, reply = driver.reply(rest)
		return (decode(reply))
	end)
	ended = true
	if channel.__sock == link and not (ok and hello.ismaster) then
		if ok and hello.primary then
			self.host, self.port = address(hello.primary)
		end
		channel:changehost(self.host, self.port)
	end
	local tokens = self.searching
	self.searching = false
	for _, token in ipairs(tokens) do skynet.wakeup(token) end
end

--- To be called when the server says that it is not the primary any more. It is asked who is, over the same link, so
--- that what is under way on it still gets its answers; then the link moves. Those who come meanwhile wait.
---@async
function server:search_primary()
	if not self.searching then
		local link = self.channel.__sock
		if not link then return end
		self.searching = {}
		-- In a task of its own: who found out may be killed.
		skynet.fork(search, self, link)
	end
	wait_for_search(self)
end

-- ---- made and ended ---------------------------------------------------------------------------

--- Connects. Each address is tried once. Raises socketchannel.error when none can be reached, and a text that names
--- server and cause when the log-in is refused.
---@async
function server:connect()
	local channel = self.channel
	local ok, err = pcall(within_deadline, self, "a log-in", channel.connect, channel, true)
	if ok then return end
	self:close()
	error(self.failure or err, 0)
end

---@async
function server:close()
	self.closed = true
	self.channel:close()
end

---@param options skynet.db.mongo.options
---@param at { host: string, port: integer, backup?: table[], seeks_primary?: boolean, tls_settings?: any }
---@param next_id fun(): integer
---@param on_hello fun(server: skynet.db.mongo.server, hello: table)  at each log-in
---@return skynet.db.mongo.server
return function(options, at, next_id, on_hello)
	local self = setmetatable({
		host = at.host,
		port = at.port,
		seeks_primary = at.seeks_primary or false,
		tls_settings = at.tls_settings,
		options = options,
		next_id = next_id,
		on_hello = on_hello,
		hello = false,
		channel = false,
		watched = false,
		failure = false,
		refused = false,
		login_thread = false,
		searching = false,
		closed = false,
	}, server)
	if options.timeout then
		self.watched = deadlines(math.ceil(options.timeout * 100), function(wait)
			self.channel:abandon(wait.link, wait.id, too_late(self, wait.name))
		end)
	end
	if options.inside then
		self.channel = require "skynet.db.mongo_local".channel(function(channel) log_in(self, channel) end, options.timeout and true)
		return self
	end
	self.channel = socketchannel.channel {
		host = at.host,
		port = at.port,
		response = read_reply,
		parser = driver.reader,
		handshake = options.tls and function(link) shake_hands(self, link) end or nil,
		auth = function(channel) log_in(self, channel) end,
		tells_refusal = true,
		connect_timeout = options.connect_timeout and math.ceil(options.connect_timeout * 100) or nil,
		backup = at.backup,
		nodelay = true,
		overload = options.overload,
	}
	return self
end
