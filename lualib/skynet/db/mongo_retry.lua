--- Writes that are sent again when their answer is lost (retryWrites): each has a number in a session, by which the
--- server knows what it has done already.
local skynet = require "skynet"
local bson = require "bson"
local codes = require "skynet.db.mongo_codes"

local retry = {}

local MARGIN = 5 -- minutes before the server forgets a session that this side does

local function list_of(args, key)
	for i = 1, args.n - 1, 2 do
		if args[i] == key then return args[i + 1] end
	end
end

-- Whether each entry of a list touches one document. What is encoded already cannot be looked into.
local function all_single(list, is_single)
	if type(list) ~= "table" then return false end
	for _, entry in ipairs(list) do
		if type(entry) ~= "table" or not is_single(entry) then return false end
	end
	return true
end

local KINDS = {
	insert = function() return true end,
	findAndModify = function() return true end,
	update = function(args) return all_single(list_of(args, "updates"), function(entry) return not entry.multi end) end,
	delete = function(args) return all_single(list_of(args, "deletes"), function(entry) return entry.limit == 1 end) end,
}

--- Whether a command can be sent again to this server without being done twice.
---@param server skynet.db.mongo.server
---@param name string
---@param args table  its pairs
---@return boolean
function retry.fits(server, name, args)
	local kind, hello = KINDS[name], server.hello
	if not kind or not hello or not hello.logicalSessionTimeoutMinutes then return false end
	return (hello.setName or hello.msg == "isdbgrid") and kind(args) or false
end

--- Adds the number to a command. → the session to give to run(), when it is not the command's own
---@param client table
---@param session? table  the command's own
function retry.add_to(client, session, args, add)
	local own = session
	if not own then
		local free = client.__free_sessions
		own = table.remove(free)
		-- They are used in the order that makes the rest grow old: what is too old is dropped with all below it.
		if own and skynet.now() >= own.until_ then
			own = nil
			client.__free_sessions = {}
		end
		own = own or client:start_session()
		add(args, "lsid", own.id)
	end
	own.number = own.number + 1
	add(args, "txnNumber", bson.int64(own.number))
	return not session and own or nil
end

local function is_open_question(reply)
	return codes.has_label(reply, "RetryableWriteError") or codes.NOT_PRIMARY[codes.of(reply)] ~= nil
end

--- Sends it, and once more when the connection fails or the server is not the primary any more.
---@async
---@param own? skynet.db.mongo.session  what add_to() returned
---@return table reply
function retry.run(client, server, name, document, own)
	local limit = server.options.timeout
	local deadline = limit and skynet.now() + limit * 100
	local ok, reply = pcall(server.call, server, name, document)
	if not ok or is_open_question(reply) then
		if (deadline and skynet.now() >= deadline) or client.__set.closed then
			if not ok then error(reply, 0) end
			return reply
		end
		if ok and server.seeks_primary then server:search_primary() end
		local again, second = pcall(server.call, server, name, document)
		-- When nobody answers, what was said first is what there is to tell.
		if again then return second end
		if not ok then error(reply, 0) end
		return reply
	end
	if own then
		own.until_ = skynet.now() + (server.hello.logicalSessionTimeoutMinutes - MARGIN) * 6000
		table.insert(client.__free_sessions, own)
	end
	return reply
end

return retry
