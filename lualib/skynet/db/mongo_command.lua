--- Commands of skynet.db.mongo: to which server they go, what a session and a readPreference add to them, and when
--- they are sent again.
local skynet = require "skynet"
local bson = require "bson"
local codes = require "skynet.db.mongo_codes"
local mongo_retry = require "skynet.db.mongo_retry"

local encode_order = bson.encode_order
local unpack = table.unpack or unpack
local running = coroutine.running

local command = {}

local function set_of(names)
	local set = {}
	for name in names:gmatch "%S+" do set[name] = true end
	return set
end

-- What may go to a secondary.
local READS = set_of "find aggregate count distinct dbStats collStats explain"
-- What a writeConcern belongs to.
local WRITES = set_of "insert update delete findAndModify bulkWrite create createIndexes drop dropIndexes dropDatabase"
local HAVE_CONCERN = set_of "find aggregate count distinct"

-- A transaction of this coroutine, or the session that the database was made with.
local function session_of(db)
	local bound = db.connection.__bound
	return next(bound) and bound[running()] or db.__session
end

-- Looks for the new primary when this one is none any more. → whether the command may be sent again
local function after_refusal(primary, reply, name)
	local code = codes.of(reply)
	if not codes.NOT_PRIMARY[code] or not primary.seeks_primary then return false end
	primary:search_primary()
	return reply.ok ~= 1 and (codes.NOT_BEGUN[code] or READS[name])
end

local function to_primary(primary, name, document)
	local reply = primary:call(name, document)
	if after_refusal(primary, reply, name) then
		-- When nobody is the primary, what the server said is what the caller gets.
		local ok, other = pcall(primary.call, primary, name, document)
		if ok then return other end
	end
	return reply
end

-- The pipeline's last stage may write.
local function writes(name, args)
	if name ~= "aggregate" then return false end
	for i = 1, args.n - 1, 2 do
		local pipeline = args[i] == "pipeline" and args[i + 1]
		local last = type(pipeline) == "table" and pipeline[#pipeline]
		if type(last) == "table" and (last["$out"] or last["$merge"]) then return true end
	end
	return false
end

local function add(args, key, value)
	args.n = args.n + 2
	args[args.n - 1], args[args.n] = key, value
end

local function has(args, key)
	for i = 1, args.n, 2 do
		if args[i] == key then return true end
	end
	return false
end

local function encode(db, name, value, args)
	return encode_order(name, value or 1, "$db", db.name, unpack(args, 1, args.n))
end

-- A read. When the server fails, and there is time left, another one is asked, once.
local function to_member(db, preference, name, value, args)
	local set = db.connection.__set
	local asked, limit = args.n, set.options.timeout
	local deadline = limit and skynet.now() + limit * 100
	for attempt = 1, 2 do
		local server, told, member = set:pick(preference)
		args.n = asked
		if told then add(args, "$readPreference", told) end
		local ok, reply = pcall(member and server.call or to_primary, server, name, encode(db, name, value, args))
		local failed
		if ok then failed = codes.NOT_PRIMARY[codes.of(reply)] else failed = server:is_about_link(reply) end
		if failed and member then set:avoid(member) end
		if not failed or attempt == 2 or (deadline and skynet.now() >= deadline) then
			if not ok then error(reply, 0) end
			return reply, server
		end
	end
end

local function in_session(session, server, name, document)
	if not session:is_in_transaction() then
		local reply = to_primary(server, name, document)
		session:note(reply)
		return reply
	end
	session:sends()
	local ok, reply = pcall(server.call, server, name, document)
	session:heard(ok, reply)
	if not ok then error(reply, 0) end
	after_refusal(server, reply, name)
	return reply
end

--- Runs a command. → the reply as it came, and the server that gave it
---@async
---@param db table
---@param server? skynet.db.mongo.server  that has to run it: the one with the cursor
---@param name string
---@param value? any  1 when absent
---@return table reply, skynet.db.mongo.server server
function command.run(db, server, name, value, ...)
	local client = db.connection
	local session = session_of(db)
	local transaction = session and session:is_in_transaction()
	local preference = READS[name] and not server and not transaction and (db.__preference or client.__preference)
	if preference == "primary" then preference = false end
	local concern = not transaction and (WRITES[name] and client.__write_concern or HAVE_CONCERN[name] and client.__read_concern)
	if session and not transaction and HAVE_CONCERN[name] then concern = session:read_concern(concern) end
	local retries = not transaction and not server and client.__retry_writes and WRITES[name]
	local rereads = not session and not server and client.__retry_reads and READS[name]
	if not session and not preference and not concern and not retries and not rereads then
		local document = encode_order(name, value or 1, "$db", db.name, ...)
		local primary = server or client.__set.primary
		if server and server ~= client.__set.primary then return server:call(name, document), server end
		return to_primary(primary, name, document), primary
	end
	local args = { n = select("#", ...), ... }
	if session then session:add_to(args, add) end
	if concern then
		local key = WRITES[name] and "writeConcern" or "readConcern"
		if not has(args, key) then add(args, key, concern) end
	end
	if retries and mongo_retry.fits(client.__set.primary, name, args) then
		local own = mongo_retry.add_to(client, session, args, add)
		local primary = client.__set.primary
		local reply = mongo_retry.run(client, primary, name, encode(db, name, value, args), own)
		if session then session:note(reply) end
		return reply, primary
	end
	if (preference or rereads) and not writes(name, args) then
		local reply, member = to_member(db, preference, name, value, args)
		if session then session:note(reply) end
		return reply, member
	end
	local document = encode(db, name, value, args)
	server = server or client.__set.primary
	if session then return in_session(session, server, name, document), server end
	return to_primary(server, name, document), server
end

--- Sends a command that is not answered.
---@async
function command.post(db, name, value, ...)
	local session = session_of(db)
	if session and session:is_in_transaction() then
		error(string.format("mongo: %s without an answer cannot be part of a transaction", name), 0)
	end
	db.connection.__set.primary:post(name, encode_order(name, value or 1, "$db", db.name, "writeConcern", { w = 0 }, ...))
end

--- What a reply says of a write.
---@param reply table
---@return boolean ok, string? err, table reply
function command.verdict(reply)
	local wrong = reply.writeErrors and reply.writeErrors[1] or reply.writeConcernError
	local err = wrong and (wrong.errmsg or "a write error without a text") or reply.errmsg
	if err == nil and reply.ok ~= 1 then err = "refused without a text" end
	return err == nil, err, reply
end

return command
