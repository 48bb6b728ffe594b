-- retryWrites and retryReads of skynet.db.mongo: what is sent again when an answer is lost.
local skynet = require "skynet"
local mongo = require "skynet.db.mongo"
local bson = require "bson"
local mongo_peer = require "mongo_peer"
local T = require "harness"

-- script.NAME(command) answers a command; `plain`: a server without sessions.
local function open(script, plain)
	local peer
	peer = mongo_peer.new(function(command)
		for name, answer in pairs(script or {}) do
			if command[name] ~= nil then
				local reply = answer(command)
				if reply ~= nil then return reply end
			end
		end
		if command.find then return { "cursor", { firstBatch = { { n = 1 } }, id = bson.int64(0) }, "ok", 1 } end
		return { "n", 1, "ok", 1 }
	end, { hello = function()
		if plain then return { "ismaster", true, "ok", 1 } end
		return { "ismaster", true, "setName", "rs", "hosts", { peer:name() }, "primary", peer:name(),
			"logicalSessionTimeoutMinutes", 30, "ok", 1 }
	end })
	local client = mongo.client("mongodb://" .. peer:name() .. "/?retryWrites=true&retryReads=true")
	return client, peer, function()
		client:disconnect()
		peer:stop()
	end
end

-- Closes the connection instead of the first `times` answers.
local function losing(times)
	return function()
		times = times - 1
		if times >= 0 then return false end
	end
end

local function ids(peer, name)
	local list = {}
	for _, command in ipairs(peer.commands) do
		if command[name] ~= nil then
			list[#list + 1] = { number = command.txnNumber, session = command.lsid and command.lsid.id, auto = command.autocommit }
		end
	end
	return list
end

T.test("a write whose answer is lost is sent again with the same number", function()
	for name, write in pairs {
		insert = function(coll) return coll:safe_insert { a = 1 } end,
		update = function(coll) return coll:safe_update({ a = 1 }, { a = 2 }) end,
		delete = function(coll) return coll:safe_delete({ a = 1 }, true) end,
		findAndModify = function(coll) return coll:findAndModify({ query = {}, update = { a = 2 } }).ok == 1 end,
	} do
		local client, peer, stop = open { [name] = losing(1) }
		T.eq((write(client.db.coll)), true, name)
		local sent = ids(peer, name)
		T.eq(#sent, 2)
		T.eq(sent[1], sent[2])
		T.eq(sent[1].number, 1)
		T.eq(sent[1].auto, nil, "it is no transaction")
		stop()
	end
end)

T.test("each write has a number of its own; a session serves one after another, and none that met a failure", function()
	local lost = false
	local client, peer, stop = open { insert = function(command)
		if command.documents[1].lose and not lost then
			lost = true
			return false
		end
	end }
	local coll = client.db.coll
	coll:safe_insert { a = 1 }
	coll:safe_insert { a = 2 }
	coll:safe_insert { lose = true }
	coll:safe_insert { a = 4 }
	local sent = ids(peer, "insert")
	T.eq(#sent, 5)
	T.eq({ sent[1].number, sent[2].number, sent[3].number, sent[4].number, sent[5].number }, { 1, 2, 3, 3, 1 })
	T.ok(sent[1].session == sent[3].session and sent[5].session ~= sent[1].session)
	stop()
end)

T.test("writes at the same time have sessions of their own", function()
	local client, peer, stop = open()
	local left = 50
	for i = 1, left do
		skynet.fork(function()
			client.db.coll:safe_insert { a = i }
			left = left - 1
		end)
	end
	T.eventually(function() return left == 0 end)
	local seen = {}
	for _, one in ipairs(ids(peer, "insert")) do
		local key = one.session .. one.number
		T.eq(seen[key], nil)
		seen[key] = true
	end
	stop()
end)

T.test("what may touch several documents is not sent again", function()
	local client, peer, stop = open { update = losing(3), delete = losing(3) }
	local coll = client.db.coll
	T.eq((pcall(coll.safe_update, coll, { a = 1 }, { a = 2 }, false, true)), false)
	T.eq((pcall(coll.safe_delete, coll, { a = 1 })), false)
	T.eq((pcall(coll.raw_safe_update, coll, bson.encode { q = { a = 1 }, u = { a = 2 } })), false)
	T.eq({ peer:count "update", peer:count "delete" }, { 2, 1 })
	T.eq(ids(peer, "update")[1].number, nil)
	stop()
end)

T.test("an answer that is lost twice is an error, and so is any for a server without sessions", function()
	local client, peer, stop = open { insert = losing(2) }
	T.eq((pcall(client.db.coll.safe_insert, client.db.coll, { a = 1 })), false)
	T.eq(peer:count "insert", 2)
	stop()
	client, peer, stop = open({ insert = losing(1) }, true)
	T.eq((pcall(client.db.coll.safe_insert, client.db.coll, { a = 1 })), false)
	T.eq(peer:count "insert", 1)
	T.eq(ids(peer, "insert")[1].number, nil)
	stop()
end)

T.test("an error that the server calls retryable is answered by a second try, another error is told", function()
	local tries = 0
	local client, peer, stop = open { insert = function()
		tries = tries + 1
		if tries == 1 then return { "ok", 0, "code", 91, "errmsg", "shutting down", "errorLabels", { "RetryableWriteError" } } end
		if tries > 2 then return { "ok", 0, "code", 13, "errmsg", "not allowed" } end
	end }
	T.eq((client.db.coll:safe_insert { a = 1 }), true)
	T.eq(tries, 2)
	local ok, err = client.db.coll:safe_insert { a = 1 }
	T.eq({ ok, err, tries }, { false, "not allowed", 3 })
	stop()
end)

T.test("in a session of one's own the numbers are that session's, in a transaction nothing changes", function()
	local client, peer, stop = open { insert = losing(1) }
	local session = client:start_session()
	local coll = client.db.coll:with { session = session }
	T.eq((coll:safe_insert { a = 1 }), true)
	local sent = ids(peer, "insert")
	T.eq(#sent, 2)
	T.eq(sent[1], { number = 1, session = session.id.id })
	session:with_transaction(function() coll:safe_insert { a = 2 } end)
	T.eq(ids(peer, "insert")[3], { number = 2, session = session.id.id, auto = false })
	stop()
end)

T.test("a read whose answer is lost is sent again, once", function()
	local client, peer, stop = open { find = losing(1) }
	T.eq(client.db.coll:findOne().n, 1)
	T.eq(peer:count "find", 2)
	stop()
	client, peer, stop = open { find = losing(2) }
	T.eq((pcall(client.db.coll.findOne, client.db.coll)), false)
	T.eq(peer:count "find", 2)
	stop()
end)

T.run()
