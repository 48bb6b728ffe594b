-- Replica sets of skynet.db.mongo: where reads go, and what happens when the primary is none any more.
local skynet = require "skynet"
local mongo = require "skynet.db.mongo"
local bson = require "bson"
local mongo_peer = require "mongo_peer"
local T = require "harness"

-- Three members; set.primary is the number of the one that says so, set.tags theirs.
local function new_set(answer)
	local set = { primary = 1, tags = {}, hello = 0 }
	for i = 1, 3 do
		set[i] = mongo_peer.new(function(command, peer)
			local reply = answer and answer(command, i, set, peer)
			if reply ~= nil then return reply end
			if command.find or command.aggregate then
				return { "cursor", { firstBatch = { { from = i } }, id = bson.int64(0) }, "ok", 1 }
			end
			if command.count then return { "n", i, "ok", 1 } end
			if set.primary ~= i then return { "ok", 0, "code", 10107, "errmsg", "not primary" } end
			return { "from", i, "ok", 1 }
		end, { hello = function()
			local hosts = {}
			for k = 1, 3 do hosts[k] = set[k]:name() end
			local reply = { "ismaster", set.primary == i, "secondary", set.primary ~= i, "setName", "rs", "hosts", hosts,
				"tags", set.tags[i] or bson.null, "ok", 1,
				"lastWrite", set.written and { lastWriteDate = bson.date(set.written[i]) } or bson.null }
			if set.primary and set[set.primary].listener then
				reply[#reply + 1] = "primary"
				reply[#reply + 1] = set[set.primary]:name()
			end
			return reply
		end })
	end
	function set.stop()
		for i = 1, 3 do set[i]:stop() end
	end
	return set
end

local function client_of(set, more)
	local conf = { rs = {} }
	for i = 1, 3 do conf.rs[i] = { host = set[i].host, port = set[i].port } end
	for key, value in pairs(more or {}) do conf[key] = value end
	return mongo.client(conf)
end

-- How often each member answers `times` reads.
local function spread(collection, times)
	local seen = { 0, 0, 0 }
	for _ = 1, times do
		local from = collection:findOne().from
		seen[from] = seen[from] + 1
	end
	return seen
end

T.test("reads go to the primary unless something else is asked for", function()
	local set = new_set()
	local client = client_of(set)
	T.eq(spread(client.db.coll, 5), { 5, 0, 0 })
	T.eq(set[1]:last("find")["$readPreference"], nil)
	T.eq({ set[2].connections, set[3].connections }, { 0, 0 }, "nobody else is even connected")
	client:disconnect()
	set.stop()
end)

T.test("secondary: reads never go to the primary, and each of the others gets some", function()
	local set = new_set()
	local client = client_of(set, { read_preference = "secondary" })
	local seen = spread(client.db.coll, 60)
	T.eq(seen[1], 0)
	T.ok(seen[2] > 0 and seen[3] > 0, T.show(seen))
	T.eq(set[2]:last("find")["$readPreference"], { mode = "secondary" })
	T.eq(client.db.coll:find():count() ~= 1, true)
	client:disconnect()
	set.stop()
end)

T.test("a preference of one collection or database leaves the others alone", function()
	local set = new_set()
	local client = client_of(set)
	local far = client.db.coll:with { read_preference = "secondary" }
	T.ok(far:findOne().from ~= 1)
	T.eq(far.full_name, "db.coll")
	T.eq(client.db.coll:findOne().from, 1)
	T.ok(client.db:with({ read_preference = "secondary" }).coll:findOne().from ~= 1)
	local all = client_of(set, { read_preference = "secondary" })
	T.eq(all.db.coll:with({ read_preference = "primary" }):findOne().from, 1)
	client:disconnect()
	all:disconnect()
	set.stop()
end)

T.test("writes go to the primary whatever is preferred, and so does an aggregate that writes", function()
	local set = new_set()
	local client = client_of(set, { read_preference = "secondary" })
	local coll = client.db.coll
	T.eq(select(3, coll:safe_insert { a = 1 }).from, 1)
	T.eq(coll:findAndModify({ query = {}, update = { a = 1 } }).from, 1)
	local cursor = coll:aggregate { { ["$match"] = {} }, { ["$out"] = "other" } }
	T.eq(cursor:hasNext(), true)
	T.eq(cursor:next().from, 1)
	cursor = coll:aggregate { { ["$match"] = {} } }
	T.eq(cursor:hasNext(), true)
	T.ok(cursor:next().from ~= 1)
	client:disconnect()
	set.stop()
end)

T.test("a cursor is read on and closed where it was opened", function()
	local set = new_set(function(command, i)
		if command.find then return { "cursor", { firstBatch = { { from = i } }, id = bson.int64(77) }, "ok", 1 } end
		if command.getMore then return { "cursor", { nextBatch = { { from = i } }, id = bson.int64(77) }, "ok", 1 } end
	end)
	local client = client_of(set, { read_preference = "secondary" })
	for _ = 1, 10 do
		local cursor = client.db.coll:find()
		T.ok(cursor:hasNext())
		local from = cursor:next().from
		for _ = 1, 3 do
			T.ok(cursor:hasNext())
			T.eq(cursor:next().from, from)
		end
		local before = set[from]:count "killCursors"
		cursor:close()
		T.eventually(function() return set[from]:count "killCursors" == before + 1 end)
	end
	T.eq(set[1]:count "getMore" + set[1]:count "killCursors", 0)
	client:disconnect()
	set.stop()
end)

T.test("tags choose among the members; the first that anybody has count", function()
	local set = new_set()
	set.tags = { { dc = "east" }, { dc = "east", use = "reports" }, { dc = "west" } }
	local client = client_of(set)
	local function of(tags, mode)
		return client.db.coll:with { read_preference = { mode = mode or "secondary", tags = tags } }
	end
	T.eq(spread(of { { dc = "west" } }, 10), { 0, 0, 10 })
	T.eq(spread(of { { dc = "north" }, { use = "reports" } }, 10), { 0, 10, 0 })
	T.eq(spread(of({ { dc = "north" } }, "secondaryPreferred"), 10), { 10, 0, 0 })
	local all = spread(of({ { dc = "north" }, {} }, "nearest"), 60)
	T.eq(all[1] + all[2] + all[3], 60)
	T.raises("fits the readPreference secondary", of({ { dc = "north" } }).findOne, of { { dc = "north" } })
	client:disconnect()
	client = mongo.client("mongodb://" .. set[1]:name() .. "/?replicaSet=rs&readPreference=secondary&readPreferenceTags=dc:west")
	T.eq(spread(client.db.coll, 10), { 0, 0, 10 })
	client:disconnect()
	set.stop()
end)

T.test("members that are too far behind are not read from", function()
	local set = new_set()
	local now = 1700000000
	set.written = { now, now - 300, now - 60 }
	local client = client_of(set)
	local function within(seconds, mode)
		return client.db.coll:with { read_preference = { mode = mode or "secondary", max_staleness = seconds } }
	end
	T.eq(spread(within(100), 20), { 0, 0, 20 })
	T.eq(set[3]:last("find")["$readPreference"], { mode = "secondary", maxStalenessSeconds = 100 })
	local both = spread(within(400), 60)
	T.eq({ both[1], both[2] + both[3] }, { 0, 60 })
	T.ok(both[2] > 0 and both[3] > 0, T.show(both))
	client:disconnect()
	set.written = { now, now - 300, now - 200 }
	client = client_of(set)
	T.raises("fits the readPreference secondary", within(150).findOne, within(150))
	T.eq(spread(within(150, "secondaryPreferred"), 5), { 5, 0, 0 })
	T.eq(spread(within(150, "nearest"), 10), { 10, 0, 0 })
	client:disconnect()
	-- While there is no primary, the one that has come furthest is the measure.
	client = client_of(set)
	set.primary = nil
	set[1]:stop()
	T.eventually(function() return (pcall(spread, within(90), 1)) end)
	T.eq(spread(within(90), 10), { 0, 0, 10 })
	client:disconnect()
	-- A member that does not say when it has written last is not known to be close.
	set:stop()
	set = new_set()
	client = client_of(set)
	T.raises("fits the readPreference secondary", within(100).findOne, within(100))
	client:disconnect()
	set.stop()
end)

T.test("a secondary that goes away is not read from any more, and the read that met it goes to the other", function()
	local set = new_set()
	local client = client_of(set, { read_preference = "secondary" })
	spread(client.db.coll, 20)
	set[2]:stop()
	T.eq(spread(client.db.coll, 30), { 0, 0, 30 })
	set[3]:stop()
	T.raises("fits the readPreference secondary", client.db.coll.findOne, client.db.coll)
	T.eq(client.db.coll:with({ read_preference = "secondaryPreferred" }):findOne().from, 1)
	set[3]:start()
	T.eventually(function() return (pcall(client.db.coll.findOne, client.db.coll)) end)
	client:disconnect()
	set.stop()
end)

T.test("primaryPreferred reads from a secondary only while there is no primary", function()
	local set = new_set()
	local client = client_of(set, { read_preference = "primaryPreferred" })
	T.eq(spread(client.db.coll, 5), { 5, 0, 0 })
	set.primary = nil
	set[1]:stop()
	T.eventually(function() return client.db.coll:findOne().from ~= 1 end)
	client:disconnect()
	set.stop()
end)

T.test("a member that says it cannot be read from is left for another", function()
	local set = new_set(function(command, i)
		if command.find and i == 2 then return { "ok", 0, "code", 13436, "errmsg", "recovering" } end
	end)
	local client = client_of(set, { read_preference = "secondary" })
	T.eq(spread(client.db.coll, 30), { 0, 0, 30 })
	client:disconnect()
	set.stop()
end)

T.test("a client that begins at a secondary moves to the primary", function()
	local set = new_set()
	set.primary = 3
	local client = client_of(set)
	T.eq(client.db:runCommand("whoami").from, 3)
	T.eq(client.port, set[3].port)
	client:disconnect()
	set.stop()
end)

T.test("when the primary has stepped down, the refused command goes to the new one", function()
	local set = new_set()
	local client = client_of(set)
	T.eq(client.db:runCommand("whoami").from, 1)
	set.primary = 2
	T.eq(select(3, client.db.coll:safe_insert { a = 1 }).from, 2)
	T.eq(client.port, set[2].port)
	set.primary = 3
	T.eq(client.db:runCommand("whoami").from, 3)
	client:disconnect()
	set.stop()
end)

T.test("many callers that hear of it at once all get answers of the new primary", function()
	local set = new_set()
	local client = client_of(set)
	client:runCommand "ping"
	set.primary = 2
	local left, from = 500, {}
	for _ = 1, left do
		skynet.fork(function()
			local ok, reply = pcall(client.db.runCommand, client.db, "whoami")
			local who = ok and reply.from or tostring(reply)
			from[who] = (from[who] or 0) + 1
			left = left - 1
		end)
	end
	T.eventually(function() return left == 0 end)
	T.eq(from, { [2] = 500 })
	T.eq(set[1]:count "ismaster" <= 3, true, "it was asked once who the primary is")
	client:disconnect()
	set.stop()
end)

T.test("a command that the old primary may have begun is not sent again, a read is", function()
	local set
	set = new_set(function(command, i)
		if i == 1 and set.primary == 2 then return { "ok", 0, "code", 11602, "errmsg", "stepping down" } end
	end)
	local client = client_of(set)
	client:runCommand "ping"
	set.primary = 2
	local ok, err = client.db.coll:safe_insert { a = 1 }
	T.eq({ ok, err }, { false, "stepping down" })
	T.eq(set[2]:count "insert", 0)
	T.eq(select(3, client.db.coll:safe_insert { a = 1 }).from, 2, "the next one finds the new primary")
	client:disconnect()
	set.primary = 1
	client = client_of(set)
	set.primary = 2
	T.eq(client.db.coll:findOne().from, 2)
	client:disconnect()
	set.stop()
end)

T.test("when the primary dies, the next command finds the one that was elected", function()
	local set = new_set()
	local client = client_of(set)
	client:runCommand "ping"
	set[1]:stop()
	set.primary = 2
	T.eventually(function()
		local ok, reply = pcall(client.db.runCommand, client.db, "whoami")
		return ok and reply.from == 2
	end)
	client:disconnect()
	set.stop()
end)

T.test("without a primary a command fails with the cause; with a time for it, it waits for the election", function()
	local set = new_set()
	set.primary = nil
	T.raises("is no primary and knows none", client_of, set)
	set.primary = 1
	local client = client_of(set, { selection_timeout = 20 })
	client:runCommand "ping"
	set.primary = nil
	set[1]:stop()
	local reply
	skynet.fork(function()
		T.eventually(function() return (pcall(function() reply = client.db:runCommand "whoami" end)) end)
	end)
	local before = set[2]:count "ismaster"
	T.eventually(function() return set[2]:count "ismaster" > before end)
	T.eq(reply, nil)
	set.primary = 3
	T.eventually(function() return reply end)
	T.eq(reply.from, 3)
	client:disconnect()
	set.stop()
end)

T.test("a client of one server stays there, and may read from it though it is a secondary", function()
	local set = new_set()
	local client = mongo.client("mongodb://" .. set[2]:name() .. "/?directConnection=true&readPreference=primaryPreferred")
	T.eq(client.db.coll:findOne().from, 2)
	T.eq(set[2]:last("find")["$readPreference"], { mode = "primaryPreferred" })
	T.eq(client.db:runCommand("whoami").code, 10107)
	T.eq(set[1].connections + set[3].connections, 0)
	client:disconnect()
	set.stop()
end)

T.test("a server of another set than the one named is refused", function()
	local set = new_set()
	T.raises("is in the set rs, not in other", mongo.client, "mongodb://" .. set[1]:name() .. "/?replicaSet=other")
	set.stop()
end)

T.test("preferences that are none are refused", function()
	T.raises("not a readPreference: nowhere", mongo.client, { host = "127.0.0.1", port = 1, read_preference = "nowhere" })
	T.raises("not a readPreference: nowhere", mongo.client, "mongodb://127.0.0.1:1/?readPreference=nowhere")
	T.raises("primary has no tags", mongo.client, "mongodb://127.0.0.1:1/?readPreferenceTags=dc:west")
	T.raises("readPreferenceTags", mongo.client, "mongodb://127.0.0.1:1/?readPreference=nearest&readPreferenceTags=west")
	T.raises("max_staleness", mongo.client, "mongodb://127.0.0.1:1/?readPreference=nearest&maxStalenessSeconds=89")
	T.raises("max_staleness", mongo.client, "mongodb://127.0.0.1:1/?maxStalenessSeconds=90")
	T.raises("maxStalenessSeconds", mongo.client, "mongodb://127.0.0.1:1/?readPreference=nearest&maxStalenessSeconds=long")
end)

T.run()
