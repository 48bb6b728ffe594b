--- Client of MongoDB: OP_MSG over one connection that the coroutines of a service share, and more of them to the other
--- members of a replica set when reads go there. Told in docs/mongo.md.
---
---   mongo_conf, mongo_uri    what a client is made from
---   mongo_server, mongo_auth one server: connection, log-in, compression, fail-over
---   mongo_set                which server to read from
---   mongo_command            what sessions and preferences add to a command, and who tries again
---   mongo_session            transactions
local bson = require "bson"
local bulk_write = require "skynet.db.mongo_bulk"
local command = require "skynet.db.mongo_command"
local mongo_conf = require "skynet.db.mongo_conf"
local mongo_local = require "skynet.db.mongo_local"
local mongo_session = require "skynet.db.mongo_session"
local mongo_uri = require "skynet.db.mongo_uri"
local new_collection = require "skynet.db.mongo_collection"
local new_set = require "skynet.db.mongo_set"

local mongo = {}
mongo.null = assert(bson.null)
mongo.minkey = assert(bson.minkey)
mongo.maxkey = assert(bson.maxkey)
mongo.type = assert(bson.type)

local MAX_ID = 2147483647

local client_methods, db_methods = {}, {}

local client_meta = {
	__index = function(self, key) return client_methods[key] or self:getDB(key) end,
	__tostring = function(self)
		local host, port = rawget(self, "host"), rawget(self, "port")
		return "[mongo client :\t" .. tostring(host) .. ":" .. tostring(port) .. "]"
	end,
}

local db_meta = {
	__index = function(self, key) return db_methods[key] or self:getCollection(key) end,
	__tostring = function(self) return "[mongo db :\t" .. self.name .. "]" end,
}

-- Not before somebody asks for TLS: it needs `enablessl`.
local function tls_settings(conf)
	return require "skynet.db.tls_link".settings({
		verify = not conf.allow_invalid_certificates,
		cafile = conf.ca_file,
		certfile = conf.cert_file,
		keyfile = conf.key_file,
	})
end

--- Connects; each address is tried once. Raises socketchannel.error when none can be reached, and a text that
--- names server and cause when the log-in is refused.
---@async
---@param conf table|string  a connection string, or what docs/mongo.md tells
---@return table client
function mongo.client(conf)
	if type(conf) == "string" then conf = mongo_uri.parse(conf) end
	local options = mongo_conf.check(conf)
	if not options.inside and not options.tls and #(options.addresses or {}) < 2 then
		options.inside = mongo_local.is_own(options.host, options.port)
	end
	if options.inside then
		options.username, options.compressors = nil, nil
	end
	local client = {
		host = options.host,
		port = options.port,
		__id = 0,
		__sock = false,
		__set = false,
		__preference = options.preference or false,
		__write_concern = options.write_concern or false,
		__read_concern = options.read_concern or false,
		__retry_reads = options.retry_reads,
		__retry_writes = options.retry_writes,
		__free_sessions = {},
		-- The latest time of the cluster that a causal session has heard of.
		__cluster_time = false,
		-- The sessions of coroutines that are in a transaction.
		__bound = setmetatable({}, { __mode = "k" }),
	}
	setmetatable(client, client_meta)
	client.__set = new_set(options, options.tls and tls_settings(options.tls), function() return client:genId() end, function(server)
		client.host, client.port = server.host, server.port
	end)
	client.__sock = client.__set.primary.channel
	client.__set.primary:connect()
	return client
end

--- As skynet's mongo.enable: what it would load is here already.
---@param name "transaction"
function mongo.enable(name)
	if name ~= "transaction" then error("mongo.enable: there is no module " .. tostring(name), 2) end
end

-- ---- client -----------------------------------------------------------------------------------

local function new_db(client, name, session, preference)
	local db = setmetatable({ name = name, connection = client, __session = session, __preference = preference }, db_meta)
	rawset(db, "database", db)
	return db
end

function client_methods:getDB(name)
	local db = new_db(self, name, false, false)
	rawset(self, name, db)
	return db
end

function client_methods:genId()
	local id = self.__id % MAX_ID + 1
	self.__id = id
	return id
end

---@async
function client_methods:runCommand(...)
	return self:getDB "admin":runCommand(...)
end

client_methods.bulkWrite = bulk_write

--- Every connection. A call after it raises.
---@async
function client_methods:disconnect()
	self.__set:close()
end

---@async
function client_methods:logout()
	return self:getDB "admin":runCommand "logout".ok == 1
end

--- A session; nothing is sent.
---@param options? table  causal = true: reads see what the session has seen or done before, on any member
---@return skynet.db.mongo.session
function client_methods:start_session(options)
	return mongo_session.start(self, options and options.causal)
end

--- session:with_transaction in a session of its own.
---@async
---@param f fun(session: skynet.db.mongo.session): ...
---@param options? table
---@return any ...
function client_methods:with_transaction(f, options)
	local session = mongo_session.start(self)
	local function finish(ok, ...)
		session:end_session()
		if not ok then error((...), 0) end
		return ...
	end
	return finish(pcall(session.with_transaction, session, f, options))
end

-- ---- database ---------------------------------------------------------------------------------

function db_methods:getCollection(name)
	local collection = new_collection(self, name, self.name .. "." .. name)
	rawset(self, name, collection)
	return collection
end

--- The same database with other options; this one stays as it is.
---@param options table  session =, read_preference =
---@return table db
function db_methods:with(options)
	local session, preference = self.__session, self.__preference
	if options.session ~= nil then session = options.session end
	if options.read_preference ~= nil then
		-- which overrides what the client has
		preference = mongo_conf.preference(options.read_preference) or "primary"
	end
	return new_db(self.connection, self.name, session, preference)
end

--- The reply as it came: look at ok, errmsg, code.
---@async
function db_methods:runCommand(name, value, ...)
	return (command.run(self, nil, name, value, ...))
end

--- Without an answer.
---@async
function db_methods:send_command(name, value, ...)
	command.post(self, name, value, ...)
	return { ok = 1 }
end

---@async
---@return boolean ok
function db_methods:auth(user, password)
	local primary = self.connection.__set.primary
	return (pcall(primary.authenticate, primary, self.name, user, password))
end

--- f() in a transaction, as skynet's module `transaction` has it.
---@async
---@param f fun(session: skynet.db.mongo.session)
---@return string? err
function db_methods:run_transaction(f)
	return mongo_session.run(self, f)
end

return mongo
