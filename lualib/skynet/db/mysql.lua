--- MySQL and MariaDB: queries and prepared statements over one connection, which is made again when it broke.
--- Told in docs/mysql.md.
---
--- The codec (skynet.db.mysql.codec) reads results out of whatever has come; each connection has a reader of its
--- own, so half a reply of a broken connection is gone with it.
local skynet = require "skynet"
local lead = require "skynet.leader"
local socketchannel = require "skynet.socketchannel"
local codec = require "skynet.db.mysql.codec"
local charsets = require "skynet.db.mysql_charsets"
local login = require "skynet.db.mysql_login"
local tls_link = require "skynet.db.tls_link"

local COM_QUERY, COM_PING = 0x03, 0x0e
local COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_CLOSE, COM_STMT_RESET = 0x16, 0x17, 0x19, 0x1a

-- What a reader can expect.
local TEXT, BINARY, PREPARED = 0, 1, 2

local UNKNOWN_STATEMENT = 1243

-- Errors after which a server closes: a shutdown, a packet that is too large, a failing or killed connection, idleness.
local LAST_WORDS = {
	[1053] = true, [1152] = true, [1153] = true, [1158] = true, [1159] = true, [1160] = true, [1161] = true, [1184] = true,
	[1927] = true, [4031] = true,
}

local mysql = { _VERSION = "0.14" }

-- ---- replies ----------------------------------------------------------------------------------

-- A result that says, as text, whose it is and of what.
local function bad(link, command, result)
	return setmetatable(result, {
		__tostring = function()
			return string.format("mysql %s:%s: %s: %s%s", link.host, tostring(link.port), command,
				result.errno and string.format("%d (%s) ", result.errno, result.sqlstate or "-") or "", result.err)
		end,
	})
end

-- A reader has found what is no result. → a bad result; what follows on this connection could be anything
local function refuse(link, command, what, is_misplaced)
	if not is_misplaced then
		error(string.format("mysql %s:%s: %s: the server sent %s", link.host, tostring(link.port), command, what), 0)
	end
	link.spent = true
	return bad(link, command, { badresult = true, err = "the server sent " .. what })
end

-- A result that the server refuses.
local function refused(link, command, result)
	if LAST_WORDS[result.errno] then link.spent = true end
	return bad(link, command, result)
end

-- The next result of a reply. → result, whether another follows, bytes held behind it; nil: more bytes are needed
local function next_result(reader, link, expected, compact, command)
	local result, more, held = reader:next(expected, compact)
	if result == false then return refuse(link, command, more, held), false, 0 end
	if result and result.badresult then refused(link, command, result) end
	return result, more, held
end

-- Of a reply of several results, the one that came last. True: it is done.
local function add_result(link, command, results, result, more)
	if result.badresult and #results > 0 then
		results.badresult, results.errno, results.err, results.sqlstate = true, result.errno, result.err, result.sqlstate
		bad(link, command, results)
	else
		results[#results + 1] = result
	end
	return not more
end

-- A function that reads the reply to a command: one result, or a list of several, which `key` marks.
local function reply_of(db, command, expected, key)
	return function(reader, link)
		local result, more, held = next_result(reader, link, expected, db.compact, command)
		local results = link.results
		if result and not more and not results then return true, result, held end
		while result do
			if not results then
				results = { multiresultset = true, [key] = true }
				link.results = results
			end
			if add_result(link, command, results, result, more) then
				link.results = false
				return true, results, held
			end
			result, more, held = next_result(reader, link, expected, db.compact, command)
		end
		return nil
	end
end

-- ---- the client -------------------------------------------------------------------------------

---@class skynet.db.mysql.client
---@field private channel skynet.socketchannel
---@field private compact boolean
---@field private prepares_again boolean
---@field private version string
---@field private read table<string, function>
local client = {}
local client_meta = { __index = client }

---@class skynet.db.mysql.bad  what a server refuses; tostring() names server, command and cause
---@field badresult true
---@field errno? integer
---@field sqlstate? string
---@field err string

--- Runs SQL. Raises when the connection fails; what the server refuses is a bad result.
---@async
---@param sql string
---@return table result  OK, rows, a list of results, or a bad result
function client:query(sql)
	return self.channel:request(codec.command(COM_QUERY, sql), self.read.query)
end

---@async
---@return table ok
function client:ping()
	return self.channel:request(codec.command(COM_PING), self.read.ping)
end

---@return string
function client:server_ver()
	return self.version
end

--- Whether rows are lists, from the next result on.
---@param on boolean
function client:set_compact_arrays(on)
	self.compact = on and true or false
end

--- Closes. The object has no methods afterwards; calls that wait raise.
---@async
function client:disconnect()
	setmetatable(self, nil)
	self.channel:close()
end

-- ---- prepared statements ----------------------------------------------------------------------

---@class skynet.db.mysql.statement
---@field prepare_id integer   of one connection; another one may give it to another statement
---@field param_count integer
---@field field_count integer
---@field warning_count integer
---@field params table[]       { name =, type =, is_signed = }
---@field fields table[]

-- Where the statements come from: { link =, sql =, closed =, waiters = }. An id means nothing on another link.
local origins = setmetatable({}, { __mode = "k" })

local function read_prepared(db)
	return function(reader, link)
		local statement, _, held = next_result(reader, link, PREPARED, db.compact, "prepare")
		if not statement then return nil end
		if not statement.badresult then origins[statement] = { link = link } end
		return true, statement, held
	end
end

--- Prepares a statement. What the server refuses is a bad result.
---@async
---@param sql string
---@return skynet.db.mysql.statement
function client:prepare(sql)
	local statement = self.channel:request(codec.command(COM_STMT_PREPARE, sql), self.read.prepare)
	local origin = origins[statement]
	if origin then origin.sql = sql end
	return statement
end

-- Prepares a statement again, on the connection of today; once for all who want it. → nil, or a bad result
local function prepare_again(self, statement, origin)
	local waiters = origin.waiters
	if waiters then
		local token = {}
		waiters[#waiters + 1] = token
		skynet.wait(token)
		return
	end
	waiters = {}
	origin.waiters = waiters
	local finish = lead(waiters, function() origin.waiters = nil end)
	local ok, again = pcall(self.prepare, self, origin.sql)
	finish()
	if not ok then error(again, 0) end
	if again.badresult then return again end
	origin.link = origins[again].link
	for key, value in pairs(again) do statement[key] = value end
end

-- Makes sure that the statement is one of the connection that the next request goes over. → nil, or a bad result:
-- of which the server is not asked, as it may know the id by now, for another statement.
local function find_statement(self, statement, command)
	local origin = origins[statement]
	if not origin then return end -- the server knows
	local link = self.channel:link()
	while origin.link ~= link do
		if origin.closed or not self.prepares_again then
			local text = string.format("Unknown prepared statement handler (%d) given to %s", statement.prepare_id, command)
			return bad(link, command, { badresult = true, errno = UNKNOWN_STATEMENT, sqlstate = "HY000", err = text })
		end
		local refused = prepare_again(self, statement, origin)
		if refused then return refused end
		link = self.channel:link()
	end
end

-- Raises unless the server may be asked about `statement`: it is one that prepare() gave, and no bad result.
local function check_statement(statement, method)
	if type(statement) ~= "table" or not (statement.badresult or statement.prepare_id) then
		local text = "%s: a statement that prepare() gave expected, got %s"
		error(text:format(method, type(statement) == "table" and "another table" or type(statement)), 3)
	end
	if statement.badresult then error(tostring(statement), 0) end
end

local function encode_execute(statement, ...)
	return codec.execute(COM_STMT_EXECUTE, statement.prepare_id, statement.param_count, ...)
end

--- Executes a statement with as many values as it has parameters: nil, boolean, number or string. Raises for others
--- and for another number of them.
---@async
---@param statement skynet.db.mysql.statement
---@return table result  as of query()
function client:execute(statement, ...)
	check_statement(statement, "execute")
	local request = encode_execute(statement, ...)
	local id = statement.prepare_id
	local refused = find_statement(self, statement, "execute")
	if refused then return refused end
	if statement.prepare_id ~= id then request = encode_execute(statement, ...) end
	return self.channel:request(request, self.read.execute)
end

--- Forgets what execute() left: a bad result when the server does not know the statement.
---@async
---@param statement skynet.db.mysql.statement
---@return table ok
function client:stmt_reset(statement)
	check_statement(statement, "stmt_reset")
	local refused = find_statement(self, statement, "reset")
	if refused then return refused end
	return self.channel:request(codec.on_statement(COM_STMT_RESET, statement.prepare_id), self.read.reset)
end

--- Lets the server forget a statement. Nobody answers.
---@async
---@param statement skynet.db.mysql.statement
function client:stmt_close(statement)
	check_statement(statement, "stmt_close")
	local origin = origins[statement]
	if origin then
		origin.closed = true
		if origin.link.broken then return end -- the server has forgotten it already
	end
	self.channel:request(codec.on_statement(COM_STMT_CLOSE, statement.prepare_id))
end

-- ---- connecting -------------------------------------------------------------------------------

---@class skynet.db.mysql.conf
---@field host string
---@field port? integer            3306
---@field user? string
---@field password? string
---@field database? string
---@field charset? string          the server's when absent
---@field max_packet_size? integer 1 MiB; only announced to the server
---@field compact_arrays? boolean  rows as lists
---@field ssl? boolean|table       true: over TLS; { verify =, cafile =, capath =, hostname = } also looks who the server is
---@field server_public_key? string  PEM: of the server, for caching_sha2_password without TLS; else it is asked for it
---@field on_connect? fun(db: skynet.db.mysql.client)  after each login
---@field prepare_again? boolean   after a reconnect, execute() prepares its statement again; else errno 1243
---@field timeout? integer         cs for each call; the connection is given up when one is late
---@field overload? fun(on: boolean)

local function collation_of(charset)
	if charset == nil then return 0 end
	return charsets[charset] or error("mysql: unknown charset " .. tostring(charset), 3)
end

-- A name ends at a zero byte in the login, and what follows would be read as the next field.
local function name_of(conf, key)
	local name = conf[key] or ""
	if string.find(name, "\0", 1, true) then error(string.format("mysql: %s %q: a zero byte", key, name), 3) end
	return name
end

--- Connects, once. Raises socketchannel.error when nobody answers, and a text that says why when the server refuses
--- the login.
---@async
---@param conf skynet.db.mysql.conf
---@return skynet.db.mysql.client
function mysql.connect(conf)
	local settings = {
		user = name_of(conf, "user"),
		password = conf.password or "",
		database = name_of(conf, "database"),
		collation = collation_of(conf.charset),
		max_packet_size = conf.max_packet_size or 1024 * 1024,
		server_public_key = conf.server_public_key,
		tls = conf.ssl and tls_link.settings(conf.ssl, conf.host) or nil,
	}
	local db = setmetatable({
		compact = conf.compact_arrays and true or false,
		prepares_again = conf.prepare_again and true or false,
	}, client_meta)
	db.read = {
		query = reply_of(db, "query", TEXT, "multiresultset"),
		ping = reply_of(db, "ping", TEXT, "multiresultset"),
		prepare = read_prepared(db),
		execute = reply_of(db, "execute", BINARY, "mulitresultset"), -- skynet's spelling
		reset = reply_of(db, "reset", TEXT, "multiresultset"),
	}
	local function log_in(link)
		link.results = false -- so far, of a reply of several
		return true, login.run(link, settings)
	end
	db.channel = socketchannel.channel {
		host = conf.host,
		port = conf.port or 3306,
		auth = function(channel)
			db.version = channel:response(log_in, true)
			if conf.on_connect then conf.on_connect(db) end
		end,
		tells_refusal = true,
		nodelay = true,
		timeout = conf.timeout,
		overload = conf.overload,
	}
	db.channel:connect(true)
	return db
end

--- A string as SQL writes it, in quotes.
---@param text string
---@return string
mysql.quote_sql_str = codec.quote

return mysql
