--- The scenes of data and distribution, for bench/run-data: only what every tree that is compatible with skynet offers.
--- Config: scene, n (how often), w (callers at once), port (of the server or the other node), host (of the other node). A line BENCH for each figure.
local skynet = require "skynet"

local N = tonumber(skynet.getenv "n")
local CALLERS = tonumber(skynet.getenv "w")
local PORT = skynet.getenv "port"
local HOST = skynet.getenv "host" or "127.0.0.1"

local scene = {}

local function report(name, count, begun, extra)
	local spent = (skynet.hpc() - begun) / 1e9
	print(("BENCH %s count=%d seconds=%.4f per_sec=%.0f %s"):format(name, count, spent, count / spent, extra or ""))
end

-- Runs f(1) to f(count).
local function measure(name, count, f, extra)
	local begun = skynet.hpc()
	for i = 1, count do f(i) end
	report(name, count, begun, extra)
end

-- The same, by CALLERS coroutines at once. extra(): more figures, when all are through.
local function measure_callers(name, count, f, extra)
	local each = math.floor(count / CALLERS)
	local left, waiter = CALLERS, coroutine.running()
	local begun = skynet.hpc()
	for _ = 1, CALLERS do
		skynet.fork(function()
			for i = 1, each do f(i) end
			left = left - 1
			if left == 0 then skynet.wakeup(waiter) end
		end)
	end
	skynet.wait(waiter)
	report(("%s-%d"):format(name, CALLERS), each * CALLERS, begun, extra and extra())
end

local function player()
	local t = { name = "player", level = 12, pos = { x = 1.5, y = 2.5, z = -3.25 }, items = {}, flags = { true, false, true } }
	for i = 1, 20 do t.items[i] = { id = i, count = i * 3, name = "item" .. i } end
	return t
end

--- The player of the scene `pack`, encoded and decoded.
function scene.bson()
	local bson = require "bson"
	local t = player()
	measure("bson", N, function() bson.decode(bson.encode(t)) end, "bytes=" .. #tostring(bson.encode(t)))
end

local SCHEMA = [[
.Item { id 0 : integer  count 1 : integer  name 2 : string }
.Pos { x 0 : double  y 1 : double  z 2 : double }
.Player { name 0 : string  level 1 : integer  pos 2 : Pos  items 3 : *Item  flags 4 : *boolean }
]]

function scene.sproto()
	local sp = require("sproto").parse(SCHEMA)
	local t = player()
	assert(sp:decode("Player", sp:encode("Player", t)).items[20].name == "item20")
	measure("sproto", N, function() sp:decode("Player", sp:encode("Player", t)) end, "bytes=" .. #sp:encode("Player", t))
	measure("sproto-packed", N, function() sp:pdecode("Player", sp:pencode("Player", t)) end)
end

--- The other node of the scene `cluster`.
function scene.store()
	local cluster = require "skynet.cluster"
	cluster.reload { store = HOST .. ":" .. PORT }
	skynet.dispatch("lua", function(_, _, _, ...) skynet.ret(skynet.pack(...)) end)
	cluster.register("echo", skynet.self())
	cluster.open "store"
	print "BENCH store ready"
end

--- Requests to a service of another node.
function scene.cluster()
	local cluster = require "skynet.cluster"
	cluster.reload { store = HOST .. ":" .. PORT }
	for _ = 1, 100 do cluster.call("store", "@echo", "echo", 1) end
	local text = ("x"):rep(64)
	measure_callers("cluster", N, function(i) cluster.call("store", "@echo", "echo", i, text) end)
	local large = ("x"):rep(2 ^ 20)
	measure("cluster-1MB", 100, function() assert(#cluster.call("store", "@echo", "echo", large) == #large) end)
end

-- Text of so many bytes as a web service would send it: records with their field names, and numbers that differ.
local function json(bytes)
	local seed = 4711
	local function random(n)
		seed = seed * 16807 % 2147483647
		return seed % n
	end
	local names = { "amber", "birch", "cedar", "delta", "ember", "frost", "grove", "haven" }
	local out, size = {}, 0
	while size < bytes do
		local record = ([[{"id":%d,"name":"%s%d","level":%d,"hp":%d,"pos":{"x":%d.%d,"y":%d.%d,"map":"plain"},"items":[{"id":%d,"count":%d}]},]]):format(
			random(1e8), names[random(8) + 1], random(1000), random(90), random(5000), random(4096), random(100), random(4096), random(100), random(1e4), random(100))
		out[#out + 1] = record
		size = size + #record
	end
	return table.concat(out):sub(1, bytes)
end

--- Requests of 16 KB of JSON to a service of another node, which gives them back: with and without `cluster_compress`.
function scene.cluster_json()
	local cluster = require "skynet.cluster"
	cluster.reload { store = HOST .. ":" .. PORT }
	for _ = 1, 100 do cluster.call("store", "@echo", "echo", 1) end
	local text = json(16384)
	-- On the wire, both ways together, where the tree counts them.
	local function bytes()
		local known, links = pcall(skynet.call, skynet.localname ".clusterd", "lua", "links")
		return known and links[1].bytes_out + links[1].bytes_in
	end
	local before = bytes()
	measure_callers("cluster-json", N, function() assert(#cluster.call("store", "@echo", "echo", text) == #text) end, function()
		return before and ("bytes_a_call=%.0f"):format((bytes() - before) / N)
	end)
end

--- The other node of the scene `harbor`.
function scene.harbor_store()
	require "skynet.manager"
	skynet.dispatch("lua", function(_, _, _, ...) skynet.ret(skynet.pack(...)) end)
	skynet.register "STORE"
	print "BENCH store ready"
end

--- Calls to a service of another node, by its handle.
function scene.harbor()
	local store = require("skynet.harbor").queryname "STORE"
	for _ = 1, 100 do skynet.call(store, "lua", "echo", 1) end
	local text = ("x"):rep(64)
	measure_callers("harbor", N, function(i) skynet.call(store, "lua", "echo", i, text) end)
	local large = ("x"):rep(2 ^ 20)
	measure("harbor-1MB", 100, function() assert(#skynet.call(store, "lua", "echo", large) == #large) end)
end

--- A subscriber of the scene `multicast`; answers once it has got so many messages.
function scene.subscriber()
	local multicast = require "skynet.multicast"
	local got, wanted, answer, channel = 0, nil, nil, nil
	local function count(by)
		got = got + by
		if not answer or got < wanted then return end
		answer(true)
		answer = nil
	end
	skynet.dispatch("lua", function(_, _, what, value)
		if what == "subscribe" then
			channel = multicast.new { channel = value, dispatch = function() count(1) end } -- kept: a collected one unsubscribes
			channel:subscribe()
			return skynet.ret()
		end
		wanted, answer = value, skynet.response()
		count(0)
	end)
end

--- Deliveries of N messages to 1000 services of this node, a hundred at a time.
function scene.multicast()
	local SUBSCRIBERS, BURST = 1000, 100
	local channel, list = require("skynet.multicast").new(), {}
	for i = 1, SUBSCRIBERS do
		list[i] = skynet.newservice("bench_data", "subscriber")
		skynet.call(list[i], "lua", "subscribe", channel.channel)
	end
	local rounds = math.max(1, math.floor(N / BURST))
	local begun = skynet.hpc()
	for round = 1, rounds do
		for i = 1, BURST do channel:publish(i) end
		skynet.call(list[SUBSCRIBERS], "lua", "wait", round * BURST)
	end
	for _, service in ipairs(list) do skynet.call(service, "lua", "wait", rounds * BURST) end
	report("multicast", rounds * BURST * SUBSCRIBERS, begun)
end

function scene.redis()
	local db = require("skynet.db.redis").connect { host = "127.0.0.1", port = tonumber(PORT) }
	db:set("k", "v")
	measure_callers("redis-get", N, function() db:get "k" end)
	local commands = {}
	for i = 1, 1000 do commands[i] = { "SET", "key" .. i, i } end
	measure("redis-pipeline-1000", 20, function() db:pipeline(commands, {}) end)
	for i = 1, 1000 do db:rpush("list", "element" .. i) end
	measure("redis-lrange-1000", 200, function() db:lrange("list", 0, -1) end)
	db:del "list"
end

function scene.mysql()
	local db = require("skynet.db.mysql").connect {
		host = "127.0.0.1", port = tonumber(PORT), database = "test", user = "bench", password = "bench", charset = "utf8mb4",
		max_packet_size = 16 * 1024 * 1024,
	}
	db:query "DROP TABLE IF EXISTS rows_of_bench"
	db:query "CREATE TABLE rows_of_bench (id INT PRIMARY KEY, name VARCHAR(32), score DOUBLE, note TEXT)"
	local rows = {}
	for i = 1, 1000 do rows[i] = ("(%d,'name%d',%f,'some longer text, some longer text')"):format(i, i, i * 1.5) end
	db:query("INSERT INTO rows_of_bench VALUES " .. table.concat(rows, ","))
	measure("mysql-select-1", N, function(i) db:query("SELECT * FROM rows_of_bench WHERE id=" .. i % 1000 + 1) end)
	measure("mysql-select-1000", 100, function() assert(#db:query "SELECT * FROM rows_of_bench" == 1000) end)
	local statement = db:prepare "SELECT * FROM rows_of_bench WHERE id=?"
	measure("mysql-execute-1", N, function(i) db:execute(statement, i % 1000 + 1) end)
	db:query "DROP TABLE rows_of_bench"
end

--- Whatever speaks MongoDB's protocol.
function scene.mongo()
	local client = require("skynet.db.mongo").client { host = "127.0.0.1", port = tonumber(PORT) }
	local players = client.bench.players
	players:drop()
	measure("mongo-insert", N, function(i)
		local t = player()
		t._id, t.name = "p" .. i, "player" .. i
		players:safe_insert(t)
	end)
	measure("mongo-find", N, function(i) assert(players:findOne { _id = "p" .. i }) end)
	measure("mongo-update", N, function(i) players:safe_update({ _id = "p" .. i }, { ["$set"] = { level = i } }) end)
	local found, begun = 0, skynet.hpc()
	local rows = players:find { level = { ["$gt"] = 0 } }
	while rows:hasNext() do
		rows:next()
		found = found + 1
	end
	report("mongo-scan", found, begun)
	players:drop()
end

--- The node's own document store: with messages, and over its socket. SCAN_COUNT documents are read through a cursor.
local SCAN_COUNT = 100000

local function docstore_over(name, conf)
	local mongo = require "skynet.db.mongo"
	local players = mongo.client(conf).bench[name]
	measure("docstore-insert-" .. name, N, function(i) players:safe_insert { _id = i, name = "player", level = i % 100, gold = i } end)
	measure("docstore-find-" .. name, N, function(i) assert(players:findOne { _id = i }) end)
	measure("docstore-update-" .. name, N, function(i) players:safe_update({ _id = i }, { ["$set"] = { level = i } }) end)
end

local function docstore_fill(collection, count)
	for first = 1, count, 1000 do
		local batch = {}
		for i = first, math.min(first + 999, count) do batch[#batch + 1] = { _id = i, key = i * 7, name = "player" .. i } end
		assert(collection:safe_batch_insert(batch))
	end
end

local function docstore_scan(name, collection)
	local found, begun = 0, skynet.hpc()
	local rows = collection:find {}
	while rows:hasNext() do
		rows:next()
		found = found + 1
	end
	report("docstore-scan-" .. name, found, begun)
end

function scene.docstore()
	local mongo = require "skynet.db.mongo"
	-- An address of this machine that is not taken for the store's own: it is reached by the socket.
	local inside, socket = { docstore = true }, { host = "127.0.0.2", port = tonumber(PORT) }
	docstore_over("inside", inside)
	docstore_over("socket", socket)
	docstore_fill(mongo.client(inside).bench.scan, SCAN_COUNT)
	docstore_scan("inside", mongo.client(inside).bench.scan)
	docstore_scan("socket", mongo.client(socket).bench.scan)
end

--- Whether finding by an indexed field depends on how many documents there are: 1,000 and 1,000,000.
function scene.docstore_index()
	local bench = require("skynet.db.mongo").client({ docstore = true }).bench
	for _, count in ipairs { 1000, 1000000 } do
		local c = bench["index" .. count]
		c:createIndex { { key = 1 } }
		docstore_fill(c, count)
		measure("docstore-index-" .. count, N, function(i) assert(c:findOne { key = (i * 7919 % count + 1) * 7 }) end)
	end
end

local role = ...

skynet.start(function()
	if role == "subscriber" then return scene.subscriber() end
	local name = skynet.getenv "scene"
	skynet.fork(function()
		local ok, err = xpcall(assert(scene[name], name), debug.traceback)
		if not ok then print("BENCH ERROR " .. name .. ": " .. tostring(err)) end
		if name ~= "store" and name ~= "harbor_store" then os.exit(ok and 0 or 1, false) end
	end)
end)
