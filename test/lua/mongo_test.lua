-- skynet.db.mongo beyond the conformance cases: what skynet gets wrong, and what errors say.
local skynet = require "skynet"
local socket = require "skynet.socket"
local mongo = require "skynet.db.mongo"
local driver = require "skynet.mongo.driver"
local mongo_uri = require "skynet.db.mongo_uri"
local bson = require "bson"
local net = require "net"
local T = require "harness"

-- One that answers each command with answer(command), the pairs of a reply; false: it closes, a string: these bytes.
-- → a client's conf, stop, the list of commands that came, and a function that tells how many connections were made
local function server(answer)
	local got, connections = {}, 0
	local listener, port = net.serve(function(id)
		connections = connections + 1
		while true do
			local head = socket.read(id, 4)
			if not head then return end
			local rest = socket.read(id, driver.length(head))
			if not rest then return end
			local _, _, pointer = driver.reply(rest)
			local command = bson.decode(pointer)
			got[#got + 1] = command
			local reply = command.ismaster and { "ismaster", true, "ok", 1 } or answer(command)
			if reply == false then return end
			if type(reply) == "table" then
				local message = driver.op_msg(1, 0, bson.encode_order((table.unpack or unpack)(reply)))
				reply = message:sub(1, 8) .. rest:sub(1, 4) .. message:sub(13)
			end
			if reply then socket.write(id, reply) end
		end
	end)
	return { host = net.host, port = port }, function() socket.close(listener) end, got, function() return connections end
end

T.test("an empty batch of an open cursor is fetched on", function()
	local conf, stop, got = server(function(command)
		if command.find then return { "cursor", { firstBatch = {}, id = bson.int64(5) }, "ok", 1 } end
		return { "cursor", { nextBatch = { { n = 1 } }, id = bson.int64(0) }, "ok", 1 }
	end)
	local client = mongo.client(conf)
	local cursor = client.db.coll:find()
	T.eq(cursor:hasNext(), true)
	T.eq(cursor:next().n, 1)
	T.eq(cursor:hasNext(), false)
	T.eq(#got, 3)
	client:disconnect()
	stop()
end)

T.test("the count of an aggregate where nothing fits is 0", function()
	local conf, stop = server(function() return { "cursor", { firstBatch = {}, id = bson.int64(0) }, "ok", 1 } end)
	local client = mongo.client(conf)
	T.eq(client.db.coll:aggregate({}):count(), 0)
	client:disconnect()
	stop()
end)

T.test("a refused log-in names server, user and cause", function()
	local conf, stop = server(function() return { "ok", 0, "errmsg", "no such user" } end)
	conf.username, conf.password = "ada", "x"
	local ok, err = pcall(mongo.client, conf)
	T.eq(ok, false)
	T.eq(err, "mongo " .. conf.host .. ":" .. conf.port .. ": log-in of ada at admin failed: no such user")
	stop()
end)

T.test("a length that no message has fails the call, and the next one connects again", function()
	for _, length in ipairs { "\0\0\0\0", "\3\0\0\0", "\4\0\0\0", "\25\0\0\0", "\255\255\255\255", "\255\255\255\127" } do
		local conf, stop = server(function(command) return command.bad and length or { "ok", 1 } end)
		local client = mongo.client(conf)
		T.eq((pcall(client.runCommand, client, "bad")), false)
		T.eq(client:runCommand("ping").ok, 1)
		client:disconnect()
		stop()
	end
end)

T.test("the driver refuses what is no document, and gives false for less than a header", function()
	T.eq((pcall(driver.op_msg, 1, 0, {})), false)
	T.eq((pcall(driver.length, "abc")), false)
	T.eq(driver.reply "short", false)
end)

T.test("a connection string gives addresses, credentials and options", function()
	local conf = mongo_uri.parse "mongodb://a%40b:p%3Aw@one,[::1]:7/users?authMechanism=SCRAM-SHA-1&replicaSet=rs0"
	T.eq(conf.rs[1], { host = "one", port = 27017, username = "a@b", password = "p:w", authdb = "users", authmod = "scram_sha1" })
	T.eq(conf.replica_set, "rs0")
	T.eq(conf.rs[2], { host = "::1", port = 7 })
	T.eq(mongo_uri.parse("mongodb://u:p@h/game?authSource=who").rs[1].authdb, "who")
end)

T.test("a connection string is enough for a client", function()
	local conf, stop = server(function() return { "ok", 1 } end)
	local client = mongo.client("mongodb://" .. conf.host .. ":" .. conf.port .. "/")
	T.eq(client:runCommand("ping").ok, 1)
	client:disconnect()
	stop()
end)

T.test("a connection string with a fault is refused, and the error names it", function()
	for text, cause in pairs {
		["http://h"] = "mongodb://",
		["mongodb://"] = "mongodb://",
		["mongodb://h:0"] = "h:0",
		["mongodb://h:70000"] = "h:70000",
		["mongodb://h:x"] = "h:x",
		["mongodb://h,,g"] = "not an address",
		["mongodb://user@h"] = "a password",
		["mongodb://h/?tls=maybe"] = "tls",
		["mongodb://h/?odd"] = "odd",
		["mongodb://h/?authMechanism=PLAIN"] = "PLAIN",
	} do
		local ok, err = pcall(mongo.client, text)
		T.eq(ok, false, text)
		T.ok(tostring(err):find(cause, 1, true), tostring(err))
	end
end)

T.test("a call ends at its deadline, and the link goes on", function()
	local conf, stop, _, connections = server(function(command) return command.slow == nil and { "ok", 1 } or nil end)
	conf.timeout = 1
	local client = mongo.client(conf)
	local ok, err = pcall(client.runCommand, client, "slow")
	T.eq(ok, false)
	T.eq(err, "mongo " .. conf.host .. ":" .. conf.port .. ": no answer to slow within 1 s")
	-- The next answer may take longer than the deadline here, on a busy machine.
	T.eventually(function()
		local good, reply = pcall(client.runCommand, client, "ping")
		return good and reply.ok == 1
	end)
	T.eq(connections(), 1)
	client:disconnect()
	stop()
end)

T.test("a server that says nothing lets the log-in end at the deadline", function()
	local listener, port = net.serve(function(id) socket.read(id, 1000000) end)
	local ok, err = pcall(mongo.client, { host = net.host, port = port, timeout = 0.5 })
	T.eq(ok, false)
	T.ok(tostring(err):find("no answer to a log-in", 1, true), tostring(err))
	socket.close(listener)
end)

T.run()
