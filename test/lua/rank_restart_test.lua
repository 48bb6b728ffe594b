-- A node with rankings that ends, and comes back.
local skynet = require "skynet"
local cjson = require "cjson"
local mongo = require "skynet.db.mongo"
local other_node = require "other_node"
local rank_client = require "rank_client"
local socket = require "skynet.socket"
local T = require "harness"

local port = tonumber(skynet.getenv "port")

local function start()
	local node = other_node.start("rank_main", {
		docstore = "var/ranks.db", docstore_listen = "127.0.0.1:" .. port + 2, rank_port = port, rank_cluster = "127.0.0.1:" .. port + 1,
	})
	T.eventually(function()
		local fd = socket.open("127.0.0.1", port)
		if fd then socket.close(fd) end
		return fd
	end, 1000)
	return node, rank_client.new(port)
end

local function stop(node)
	node:signal "TERM"
	T.eventually(function() return not io.open("/proc/" .. node.pid .. "/exe") end, 1000)
end

local INFO = '{"empty":[],"list":[1,2.5],"text":"排行","none":null}'

T.test("a node that is back has its rankings, also what changed right before its end", function()
	local node, http = start()
	T.eq(http.post("/setconfig", { appname = "g", config = { { tag = "t", capacity = 2000, order = "descending" } } }).code, "OK")
	local requests = {}
	for i = 1, 2100 do
		local body = string.format('{"appname":"g","tags":["t"],"uid":"u%d","score":%d.5,"info":%s}', i, i, INFO)
		requests[i] = string.format("POST /update HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s", #body, body)
	end
	local status, body = http.send(table.concat(requests))
	for _ = 2, #requests do
		T.eq({ status, body }, { 200, '{"code":"OK"}' })
		status, body = http.send ""
	end
	local client = mongo.client { host = "127.0.0.1", port = port + 2 }
	T.eventually(function() return client.rank:runCommand("count", "g_t").n == 2000 end, 2000)
	client:disconnect()
	T.eq(http.post("/delete", { appname = "g", tags = { "t" }, uid = "u2000" }).code, "OK")
	stop(node)

	node, http = start()
	local answer = http.get("/ranklist", { appname = "g", tag = "t", start = 1, count = 10000 })
	T.eq(#answer.elements, 1999)
	T.eq({ answer.elements[1].uid, answer.elements[1].score }, { "u2100", 2100.5 })
	T.eq(answer.elements[1999].uid, "u101")
	T.eq(answer.elements[1].info, cjson.decode(INFO))
	local _, text = http.raw("GET", "/query?appname=g&tag=t&uid=u2100")
	T.ok(text:find('"empty":[]', 1, true), text)
	T.eq(http.get("/query", { appname = "g", tag = "t", uid = "u2000" }).code, "NOT_IN_RANK")
	-- The capacity is there again as well.
	T.eq(http.post("/update", { appname = "g", tags = { "t" }, uid = "new", score = 1 }).code, "OK")
	T.eq(http.post("/update", { appname = "g", tags = { "t" }, uid = "newer", score = 2 }).code, "OK")
	T.eq(http.get("/query", { appname = "g", tag = "t", uid = "newer" }).rank, 2000)
	T.eq(http.get("/query", { appname = "g", tag = "t", uid = "new" }).code, "NOT_IN_RANK")
	node:signal "KILL"
end)

T.run(4000)
