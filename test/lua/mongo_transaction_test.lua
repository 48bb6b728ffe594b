-- Sessions and transactions of skynet.db.mongo.
local skynet = require "skynet"
local mongo = require "skynet.db.mongo"
local bson = require "bson"
local mongo_peer = require "mongo_peer"
local T = require "harness"

local TRANSIENT = { "TransientTransactionError" }
local UNKNOWN = { "UnknownTransactionCommitResult" }

-- A server; script.NAME may answer a command of that name.
local function open(script)
	script = script or {}
	local peer = mongo_peer.new(function(command, self)
		for name, answer in pairs(script) do
			if command[name] ~= nil then
				local reply = answer(command, self)
				if reply ~= nil then return reply end
			end
		end
		if command.find then return { "cursor", { firstBatch = { { n = 1 }, { n = 2 } }, id = bson.int64(9) }, "ok", 1 } end
		if command.getMore then return { "cursor", { nextBatch = {}, id = bson.int64(0) }, "ok", 1 } end
		return { "n", 1, "ok", 1 }
	end)
	local client = mongo.client { host = peer.host, port = peer.port }
	return client, peer, function()
		client:disconnect()
		peer:stop()
	end
end

-- What makes a command part of a transaction.
local function marks(command)
	return { number = command.txnNumber, auto = command.autocommit, start = command.startTransaction }
end

-- The names of the commands that came after the first ismaster.
local function names(peer)
	local list = {}
	for i = 2, #peer.commands do
		for _, name in ipairs { "ismaster", "insert", "update", "delete", "find", "getMore", "killCursors", "commitTransaction",
			"abortTransaction", "endSessions", "startSession", "ping", "count" } do
			if peer.commands[i][name] ~= nil then list[#list + 1] = name end
		end
	end
	return table.concat(list, " ")
end

T.test("a session is in each command of its views, and in no other", function()
	local client, peer, stop = open()
	local session = client:start_session()
	client.db.coll:with({ session = session }):safe_insert { a = 1 }
	local id = peer:last("insert").lsid
	T.eq({ bson.type(id.id) }, { "binary", select(2, bson.type(id.id)), 4 })
	T.eq(#select(2, bson.type(id.id)), 16)
	T.eq(marks(peer:last "insert"), {})
	client.db.coll:safe_insert { a = 2 }
	T.eq(peer:last("insert").lsid, nil)
	client.db:with({ session = session }).coll:findOne()
	T.eq(peer:last("find").lsid, id)
	T.ok(client:start_session().id.id ~= id.id, "each has a number of its own")
	session:end_session()
	T.eventually(function() return peer:last "endSessions" end)
	T.eq(peer:last("endSessions").endSessions, { id })
	T.raises("the session has ended", client.db.coll:with({ session = session }).findOne, client.db.coll:with { session = session })
	stop()
end)

T.test("the first command starts the transaction, the others are part of it, and it is committed", function()
	local client, peer, stop = open()
	local session = client:start_session()
	local coll = client.db.coll:with { session = session }
	session:start_transaction { read_concern = { level = "snapshot" }, write_concern = { w = "majority" }, max_commit_ms = 500 }
	coll:safe_insert { a = 1 }
	T.eq(marks(peer:last "insert"), { number = 1, auto = false, start = true })
	T.eq(peer:last("insert").readConcern, { level = "snapshot" })
	coll:safe_update({ a = 1 }, { a = 2 })
	T.eq(marks(peer:last "update"), { number = 1, auto = false })
	T.eq(peer:last("update").readConcern, nil)
	local cursor = coll:find()
	while cursor:hasNext() do cursor:next() end
	T.eq(marks(peer:last "getMore"), { number = 1, auto = false })
	T.eq(session:commit_transaction(), true)
	local commit = peer:last "commitTransaction"
	T.eq(marks(commit), { number = 1, auto = false })
	T.eq({ commit["$db"], commit.writeConcern, commit.maxTimeMS }, { "admin", { w = "majority" }, 500 })
	session:start_transaction()
	coll:findOne()
	T.eq(marks(peer:last "find"), { number = 2, auto = false, start = true })
	session:abort_transaction()
	T.eq(peer:last("abortTransaction").txnNumber, 2)
	coll:findOne()
	T.eq(marks(peer:last "find"), {}, "behind the transaction it is a session as before")
	stop()
end)

T.test("a command that cannot be encoded leaves the transaction as it was", function()
	local client, peer, stop = open()
	client:with_transaction(function()
		T.eq((pcall(client.db.runCommand, client.db, "insert", "coll", "documents", { { f = print } })), false)
		client.db.coll:safe_insert { a = 1 }
	end)
	T.eq(marks(peer:last "insert"), { number = 1, auto = false, start = true })
	T.eq(peer:count "commitTransaction", 1)
	stop()
end)

T.test("a damaged reply fails the transaction, and nothing is tried again", function()
	local client, peer, stop = open { update = function(_, self)
		return "\31\0\0\0\1\0\0\0" .. self.request .. "\221\7\0\0\0\0\0\0\0\10\0\0\0\99a\0\0\0\0"
	end }
	T.raises(nil, client.with_transaction, client, function()
		client.db.coll:safe_insert { a = 1 }
		client.db.coll:safe_update({ a = 1 }, { a = 2 })
	end)
	T.eq({ peer:count "insert", peer:count "commitTransaction" }, { 1, 0 })
	stop()
end)

T.test("a command that is too large fails the transaction, and nothing is tried again", function()
	local peer = mongo_peer.new(nil, { hello = function() return { "ismaster", true, "maxMessageSizeBytes", 1000, "ok", 1 } end })
	local client = mongo.client { host = peer.host, port = peer.port }
	local tries = 0
	T.raises("more than the 1000", client.with_transaction, client, function()
		tries = tries + 1
		client.db.coll:safe_insert { text = ("x"):rep(2000) }
	end)
	T.eq({ tries, peer:count "insert" }, { 1, 0 })
	client:disconnect()
	peer:stop()
end)

T.test("a transaction in which nothing was done is not sent", function()
	local client, peer, stop = open()
	local session = client:start_session()
	session:start_transaction()
	T.eq(session:commit_transaction(), true)
	T.eq(session:commit_transaction(), true)
	session:start_transaction()
	session:abort_transaction()
	T.eq(names(peer), "")
	stop()
end)

T.test("steps in the wrong order raise", function()
	local client, _, stop = open()
	local session = client:start_session()
	T.raises("no transaction to commit", session.commit_transaction, session)
	T.raises("no transaction to abort", session.abort_transaction, session)
	session:start_transaction()
	T.raises("has a transaction already", session.start_transaction, session)
	session:abort_transaction()
	T.raises("no transaction to abort", session.abort_transaction, session)
	session:end_session()
	session:end_session()
	T.raises("the session has ended", session.start_transaction, session)
	stop()
end)

T.test("a command without an answer cannot be part of a transaction", function()
	local client, peer, stop = open()
	T.raises("insert without an answer", client.with_transaction, client, function() client.db.coll:insert { a = 1 } end)
	T.eq(peer:count "insert", 0)
	stop()
end)

T.test("with_transaction: the coroutine's commands belong to it, another one's do not", function()
	local client, peer, stop = open()
	local other
	local a, b, c = client:with_transaction(function()
		client.db.coll:safe_insert { a = 1 }
		T.eq(marks(peer:last "insert"), { number = 1, auto = false, start = true })
		skynet.fork(function()
			client.db.coll:safe_delete { a = 2 }
			other = peer:last "delete"
		end)
		T.eventually(function() return other end)
		client.other.coll:safe_update({ a = 1 }, { a = 2 })
		return 1, nil, 3
	end)
	T.eq({ a, b, c }, { 1, nil, 3 })
	T.eq({ other.lsid, marks(other) }, { nil, {} })
	T.eq(marks(peer:last "update"), { number = 1, auto = false })
	T.eventually(function() return peer:last "endSessions" end)
	T.eq(names(peer), "insert delete update commitTransaction endSessions")
	client.db.coll:safe_insert { a = 3 }
	T.eq(peer:last("insert").lsid, nil)
	stop()
end)

T.test("when f raises, the transaction is undone and the error raised", function()
	local client, peer, stop = open()
	T.raises("boom", client.with_transaction, client, function()
		client.db.coll:safe_insert { a = 1 }
		error "boom"
	end)
	T.eventually(function() return peer:last "endSessions" end)
	T.eq(names(peer), "insert abortTransaction endSessions")
	local thing = {}
	T.ok(T.raises(nil, client.with_transaction, client, function() error(thing) end) == thing)
	stop()
end)

T.test("f that ended the transaction itself is left alone", function()
	local client, peer, stop = open()
	T.eq(client:with_transaction(function(session)
		client.db.coll:safe_insert { a = 1 }
		session:abort_transaction()
		return "undone"
	end), "undone")
	T.eventually(function() return peer:last "endSessions" end)
	T.eq(names(peer), "insert abortTransaction endSessions")
	stop()
end)

T.test("one transaction inside of another in the same coroutine is refused", function()
	local client, _, stop = open()
	T.raises("in a transaction already", client.with_transaction, client, function()
		client:with_transaction(function() end)
	end)
	stop()
end)

T.test("a transient error begins all again", function()
	local tries = 0
	local client, peer, stop = open { update = function()
		tries = tries + 1
		if tries < 3 then return { "ok", 0, "code", 112, "errmsg", "WriteConflict", "errorLabels", TRANSIENT } end
	end }
	client:with_transaction(function()
		client.db.coll:safe_insert { a = 1 }
		assert(client.db.coll:safe_update({ a = 1 }, { a = 2 }))
	end)
	T.eventually(function() return peer:last "endSessions" end)
	T.eq(names(peer), "insert update abortTransaction insert update abortTransaction insert update commitTransaction endSessions")
	T.eq(peer:last("commitTransaction").txnNumber, 3)
	stop()
end)

T.test("a transient error that f has not looked at begins all again, too", function()
	local tries = 0
	local client, peer, stop = open { update = function()
		tries = tries + 1
		if tries < 2 then return { "ok", 0, "errmsg", "WriteConflict", "errorLabels", TRANSIENT } end
	end }
	client:with_transaction(function() client.db.coll:safe_update({ a = 1 }, { a = 2 }) end)
	T.eq(peer:count "update", 2)
	T.eq(peer:count "commitTransaction", 1)
	stop()
end)

T.test("a command that failed for good, and that f has not looked at, fails the transaction", function()
	local client, peer, stop = open { insert = function(command)
		if command.documents[1].bad then return { "n", 0, "writeErrors", { { index = 0, code = 11000, errmsg = "duplicate key" } }, "ok", 1 } end
	end }
	T.raises("the transaction had failed: duplicate key", client.with_transaction, client, function()
		client.db.coll:safe_insert { a = 1 }
		client.db.coll:safe_insert { bad = true }
	end)
	T.eventually(function() return peer:last "endSessions" end)
	T.eq(names(peer), "insert insert abortTransaction endSessions")
	stop()
end)

T.test("a link that breaks in the transaction begins all again over a new one", function()
	local broken = false
	local client, peer, stop = open { update = function()
		if broken then return end
		broken = true
		return false
	end }
	client:with_transaction(function()
		client.db.coll:safe_insert { a = 1 }
		client.db.coll:safe_update({ a = 1 }, { a = 2 })
	end)
	T.eq(peer.connections, 2)
	T.eq(peer:count "commitTransaction", 1)
	T.eq(peer:last("commitTransaction").txnNumber, 2)
	stop()
end)

T.test("a commit whose answer is lost is sent again, to be acknowledged by the majority", function()
	local tries = 0
	local client, peer, stop = open { commitTransaction = function()
		tries = tries + 1
		if tries == 1 then return false end
	end }
	T.eq(client:with_transaction(function() client.db.coll:safe_insert { a = 1 } return "done" end), "done")
	T.eq(peer:count "insert", 1)
	T.eq(peer:count "commitTransaction", 2)
	T.eq(peer:last("commitTransaction").writeConcern, { w = "majority", wtimeout = 10000 })
	stop()
end)

T.test("a commit of unknown outcome is asked for until it is known", function()
	local tries = 0
	local client, peer, stop = open { commitTransaction = function()
		tries = tries + 1
		if tries < 4 then return { "ok", 0, "code", 50000, "errmsg", "who knows", "errorLabels", UNKNOWN } end
	end }
	client:with_transaction(function() client.db.coll:safe_insert { a = 1 } end)
	T.eq({ peer:count "insert", peer:count "commitTransaction" }, { 1, 4 })
	stop()
end)

T.test("a commit that ran out of time is not asked for again", function()
	local client, peer, stop = open { commitTransaction = function()
		return { "ok", 0, "code", 50, "errmsg", "MaxTimeMSExpired", "errorLabels", UNKNOWN }
	end }
	T.raises("the transaction was not committed: MaxTimeMSExpired", client.with_transaction, client,
		function() client.db.coll:safe_insert { a = 1 } end)
	T.eq(peer:count "commitTransaction", 1)
	stop()
end)

T.test("a commit that finds the transaction gone begins all again", function()
	local tries = 0
	local client, peer, stop = open { commitTransaction = function()
		tries = tries + 1
		if tries == 1 then return { "ok", 0, "code", 251, "errmsg", "NoSuchTransaction", "errorLabels", TRANSIENT } end
	end }
	client:with_transaction(function() client.db.coll:safe_insert { a = 1 } end)
	T.eq({ peer:count "insert", peer:count "commitTransaction" }, { 2, 2 })
	stop()
end)

T.test("commit_transaction says how it went, and a lost answer by its label", function()
	local answer
	local client, peer, stop = open { commitTransaction = function() return answer end }
	local session = client:start_session()
	local coll = client.db.coll:with { session = session }
	session:start_transaction()
	coll:safe_insert { a = 1 }
	answer = { "ok", 0, "code", 20, "errmsg", "no transactions here" }
	local ok, err, reply = session:commit_transaction()
	T.eq({ ok, err, reply.code }, { false, "no transactions here", 20 })
	session:start_transaction()
	coll:safe_insert { a = 1 }
	answer = false
	ok, err, reply = session:commit_transaction()
	T.eq({ ok, reply.errorLabels }, { false, UNKNOWN })
	answer = nil
	T.eq(session:commit_transaction(), true, "asked again, it is known")
	T.eq(peer:last("commitTransaction").txnNumber, 2)
	stop()
end)

T.test("reads of a transaction go to the primary whatever the client prefers", function()
	local peer
	peer = mongo_peer.new(nil, { hello = function()
		return { "ismaster", true, "setName", "rs", "hosts", { peer:name(), "127.0.0.1:1" }, "primary", peer:name(), "ok", 1 }
	end })
	local client = mongo.client { host = peer.host, port = peer.port, read_preference = "secondary", write_concern = { w = 2 } }
	client:with_transaction(function()
		client.db:runCommand("count", "coll")
		client.db.coll:safe_insert { a = 1 }
	end)
	T.eq(peer:last("count")["$readPreference"], nil)
	T.eq(peer:last("insert").writeConcern, nil, "the whole transaction has one")
	T.eq(peer:last("commitTransaction").writeConcern, { w = 2 })
	client.db.coll:safe_insert { a = 1 }
	T.eq(peer:last("insert").writeConcern, { w = 2 })
	client:disconnect()
	peer:stop()
end)

-- What a member of a set adds to its replies.
local function at(seconds, increment)
	local time = bson.timestamp(seconds, increment)
	return { "n", 1, "ok", 1, "operationTime", time, "$clusterTime", { clusterTime = time, signature = { keyId = bson.int64(7) } } }
end

T.test("a causal session reads after what it has done, and tells the time that it has heard of", function()
	local now = { 100, 5 }
	local client, peer, stop = open { insert = function() return at(now[1], now[2]) end }
	local session = client:start_session { causal = true }
	local coll = client.db.coll:with { session = session }
	coll:findOne()
	T.eq({ peer:last("find").readConcern, peer:last("find")["$clusterTime"] }, {})
	coll:safe_insert { a = 1 }
	T.eq(peer:last("insert").readConcern, nil)
	coll:findOne()
	T.eq(peer:last("find").readConcern, { afterClusterTime = bson.timestamp(100, 5) })
	T.eq(peer:last("find")["$clusterTime"].clusterTime, bson.timestamp(100, 5))
	now = { 100, 4 }
	coll:safe_insert { a = 2 }
	coll:findOne()
	T.eq(peer:last("find").readConcern, { afterClusterTime = bson.timestamp(100, 5) }, "time does not go back")
	now = { 101, 1 }
	coll:safe_insert { a = 3 }
	session:with_transaction(function() coll:findOne() end, { read_concern = { level = "snapshot" } })
	T.eq(peer:last("find").readConcern, { level = "snapshot", afterClusterTime = bson.timestamp(101, 1) })
	client.db.coll:findOne()
	T.eq({ peer:last("find").readConcern, peer:last("find")["$clusterTime"] }, {}, "others are as they were")
	local plain = client:start_session()
	client.db.coll:with({ session = plain }):safe_insert { a = 4 }
	client.db.coll:with({ session = plain }):findOne()
	T.eq(peer:last("find").readConcern, nil)
	stop()
end)

T.test("what a router of a cluster needs to find a transaction again goes with the commit", function()
	local token = { shardId = "one" }
	local client, peer, stop = open { insert = function() return { "n", 1, "ok", 1, "recoveryToken", token } end }
	client:with_transaction(function() client.db.coll:safe_insert { a = 1 } end)
	T.eq(peer:last("commitTransaction").recoveryToken, token)
	stop()
end)

T.test("run_transaction has the steps of skynet's module, and gives nil or an error text", function()
	local session_id = { id = bson.binary(("s"):rep(16)) }
	local client, peer, stop = open { startSession = function() return { "id", session_id, "ok", 1 } end }
	mongo.enable "transaction"
	T.raises("no module other", mongo.enable, "other")
	T.eq(client.db:run_transaction(function()
		client.db.coll:safe_insert { a = 1 }
		client.db.coll:safe_delete { a = 1 }
	end), nil)
	T.eq(marks(peer:last "insert"), { number = 1, auto = false, start = true })
	T.eq(peer:last("delete").lsid, session_id)
	T.ok(client.db:run_transaction(function()
		client.db.coll:safe_insert { a = 1 }
		error "boom"
	end):find("boom", 1, true))
	T.eventually(function() return peer:count "endSessions" == 2 end)
	T.eq(names(peer), "startSession insert delete commitTransaction endSessions startSession insert abortTransaction endSessions")
	stop()
end)

T.test("run_transaction tells when the server has no sessions", function()
	local client, _, stop = open { startSession = function() return { "ok", 0, "errmsg", "no such command" } end }
	T.eq(client.db:run_transaction(function() error "not reached" end), "no such command")
	stop()
end)

T.test("a client may disconnect in the middle of a transaction", function()
	local client, peer, stop = open { insert = function() return nil end }
	T.eq((pcall(client.with_transaction, client, function()
		client.db.coll:safe_insert { a = 1 }
		client:disconnect()
		client.db.coll:safe_insert { a = 2 }
	end)), false)
	T.eq(peer:count "commitTransaction", 0)
	stop()
end)

T.run()
