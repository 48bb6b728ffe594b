-- config: docstore = ":memory:"
-- config: docstore_listen = "0.0.0.0:" .. port
-- The document store from services of its own node, and what its socket does with bad peers.
local skynet = require "skynet"
local socket = require "skynet.socket"
local bson = require "bson"
local driver = require "skynet.mongo.driver"
local mongo = require "skynet.db.mongo"
local net = require "net"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local OTHER = "127.0.0.2" -- an address of this machine that is not taken for the store's: it is reached by a socket

local function connections() return skynet.call(".docstore", "lua", "connections") end

T.test("a client with docstore = true needs no socket", function()
	local client = mongo.client { docstore = true }
	local c = client.inside.players
	T.eq(select(1, c:safe_insert { _id = 1, name = "one" }), true)
	T.eq(c:findOne { _id = 1 }.name, "one")
	T.eq(connections(), 0)
	client:disconnect()
	T.raises("closed", c.findOne, c, {})
end)

T.test("so does one with the address that the store listens at", function()
	for _, conf in ipairs { { host = "127.0.0.1", port = port }, "mongodb://localhost:" .. port .. "/" } do
		local client = mongo.client(conf)
		T.eq(client.inside.players:findOne { _id = 1 }.name, "one")
		T.eq(connections(), 0)
		client:disconnect()
	end
end)

T.test("over the socket it is the same store", function()
	local client = mongo.client { host = OTHER, port = port }
	T.eq(connections(), 1)
	T.eq(client.inside.players:findOne { _id = 1 }.name, "one")
	local ok, err = client.inside.players:safe_insert { _id = 1 }
	T.eq(ok, false)
	T.eq(err, "E11000 duplicate key error collection: inside.players index: _id_ dup key: { _id: 1 }")
	client:disconnect()
	T.eventually(function() return connections() == 0 end)
end)

T.test("what many services ask at once is all answered", function()
	local client = mongo.client { docstore = true }
	local c = client.inside.many
	local left, me = 200, coroutine.running()
	for i = 1, 200 do
		skynet.fork(function()
			c:safe_insert { _id = i, n = i }
			c:safe_update({ _id = i }, { ["$inc"] = { n = 1000 } })
			if c:findOne { _id = i }.n == 1000 + i then left = left - 1 end
			if left == 0 then skynet.wakeup(me) end
		end)
	end
	skynet.wait(me)
	T.eq(left, 0)
	T.eq(c:find({ n = { ["$gt"] = 1000 } }):count(), 200)
	client:disconnect()
end)

T.test("a pipeline without stages gives all documents", function()
	local client = mongo.client { docstore = true }
	local c = client.inside.unstaged
	c:safe_batch_insert { { _id = 1 }, { _id = 2 } }
	local cursor, ids = c:aggregate {}, {}
	while cursor:hasNext() do table.insert(ids, cursor:next()._id) end
	T.eq(table.concat(ids, " "), "1 2")
	T.eq(c:aggregate({}):count(), 2)
	client:disconnect()
end)

T.test("a projection through an array keeps its elements apart", function()
	local client = mongo.client { docstore = true }
	local c = client.inside.arrays
	c:safe_insert { _id = 1, a = { { b = 1, c = 2 }, 5, { b = 3 } } }
	T.eq(c:findOne({ _id = 1 }, { ["a.b"] = 1 }), { _id = 1, a = { { b = 1 }, { b = 3 } } })
	T.eq(c:findOne({ _id = 1 }, { ["a.b"] = 0 }), { _id = 1, a = { { c = 2 }, 5, {} } })
	client:disconnect()
end)

T.test("an unanswered insert is done", function()
	local client = mongo.client { docstore = true }
	client.inside.quiet:insert { _id = 1 }
	T.eventually(function() return client.inside.quiet:findOne { _id = 1 } end)
	client:disconnect()
end)

T.test("a cursor of many batches gives every document once", function()
	local client = mongo.client { docstore = true }
	local c = client.inside.batches
	local documents = {}
	for i = 1, 1000 do documents[i] = { _id = i } end
	T.eq(select(1, c:safe_batch_insert(documents)), true)
	local cursor, seen = c:find({}):batchSize(7), 0
	while cursor:hasNext() do
		seen = seen + 1
		T.eq(cursor:next()._id, seen)
	end
	T.eq(seen, 1000)
	client:disconnect()
end)

-- ---- bytes ------------------------------------------------------------------------------------

local function connect()
	return assert(socket.open(OTHER, port))
end

local function ping(id)
	return driver.op_msg(id, 0, bson.encode_order("ping", 1, "$db", "admin"))
end

local function read_answer(id)
	local rest = socket.read(id, driver.length(socket.read(id, 4)))
	local _, to, pointer = driver.reply(rest)
	return to, bson.decode(pointer)
end

T.test("a message that comes byte by byte is answered", function()
	local id = connect()
	local message = ping(7)
	for i = 1, #message do
		socket.write(id, message:sub(i, i))
		if i % 5 == 0 then skynet.yield() end
	end
	local to, reply = read_answer(id)
	T.eq(to, 7)
	T.eq(reply.ok, 1)
	socket.close(id)
end)

T.test("messages that come together are answered in their order", function()
	local id = connect()
	local messages = {}
	for i = 1, 50 do messages[i] = ping(i) end
	socket.write(id, table.concat(messages))
	for i = 1, 50 do T.eq((read_answer(id)), i) end
	socket.close(id)
end)

T.test("malformed messages end their connection, and no other one", function()
	local good = connect()
	local whole = ping(1)
	for _, bytes in ipairs {
		"\255\255\255\255aaaa",                                 -- a length that no message has
		"\0\0\0\0",
		whole:sub(1, 12) .. "\1\0\0\0" .. whole:sub(17),        -- an opcode
		whole:sub(1, 16) .. "\4\0\0\0" .. whole:sub(21),        -- flags
		whole:sub(1, 20) .. "\9" .. whole:sub(22),              -- a section
		whole:sub(1, 21) .. "\99" .. whole:sub(23),             -- a document's length
		"GET / HTTP/1.1\r\nHost: me\r\n\r\n",
	} do
		local bad = connect()
		socket.write(bad, bytes)
		T.eq(socket.read(bad, 1), false)
		socket.close(bad)
	end
	socket.write(good, ping(3))
	T.eq((read_answer(good)), 3)
	socket.close(good)
	T.eventually(function() return connections() == 0 end)
end)

T.test("a peer that sends faster than the store works gets all its answers", function()
	local id = connect()
	local document = bson.encode { pad = string.rep("x", 1024 * 1024) }
	local message = driver.op_msg(1, 0, bson.encode_order("insert", "fast", "$db", "bytes", "documents", { document }))
	for _ = 1, 100 do socket.write(id, message) end -- more than may wait
	for _ = 1, 100 do T.eq(select(2, read_answer(id)).n, 1) end
	socket.close(id)
	local client = mongo.client { docstore = true }
	T.eq(client.bytes:runCommand("count", "fast").n, 100)
	client.bytes.fast:drop()
	client:disconnect()
end)

T.test("a peer that goes in the middle of a message leaves nothing", function()
	for _ = 1, 20 do
		local id = connect()
		socket.write(id, ping(1):sub(1, 30))
		socket.close(id)
	end
	T.eventually(function() return connections() == 0 end)
end)

T.test("what a service sends as an event of a socket is not believed", function()
	local client = mongo.client { host = OTHER, port = port }
	local sent = 0
	for _, info in ipairs(socket.netstat()) do
		if info.address == skynet.localname ".docstore" and info.type == "TCP" then
			sent = sent + 1
			skynet.rawsend(".docstore", "socket", net.forged(info.id))
		end
	end
	T.eq(sent, 1)
	T.eq(client:runCommand "ping".ok, 1)
	client:disconnect()
end)

T.test("a malformed message of a service is refused to that service", function()
	local client = mongo.client { docstore = true }
	T.raises(nil, skynet.rawcall, ".docstore", "docstore", "nonsense")
	T.eq(client:runCommand "ping".ok, 1)
	client:disconnect()
end)

T.run(3000)
