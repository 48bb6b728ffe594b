-- config: docstore = ":memory:"
-- config: docstore_listen = ""
-- config: rank_host = "127.0.0.1"
-- config: rank_port = port
-- config: rank_cluster = "127.0.0.1:"..(port+1)
-- config: rank_max = 13
-- config: static_path = root.."static/"
-- The rankings, asked by HTTP and on the cluster port.
local skynet = require "skynet"
local cjson = require "cjson"
local cluster = require "skynet.cluster"
local mongo = require "skynet.db.mongo"
local T = require "harness"
local rank_client = require "rank_client"

local port = tonumber(skynet.getenv "port")
local http = rank_client.new(port)
local get, post = http.get, http.post

local APP = "game"

local function submit(tag, uid, score, info)
	T.eq(post("/update", { appname = APP, tags = { tag }, uid = uid, score = score, info = info }), { code = "OK" })
end

local function uids(tag, start, count)
	local answer = get("/ranklist", { appname = APP, tag = tag, start = start or 1, count = count or 100 })
	T.eq(answer.code, "OK")
	local list = {}
	for i, player in ipairs(answer.elements) do list[i] = player.uid end
	return table.concat(list, " ")
end

local function configure(tag, capacity, order)
	T.eq(post("/setconfig", { appname = APP, config = { { tag = tag, capacity = capacity, order = order } } }), { code = "OK" })
end

-- The database comes to have these uids. It follows change by change, so as many of them tell nothing yet.
local function expect_stored(tag, uids)
	local collection = mongo.client({ docstore = true }).rank:getCollection(APP .. "_" .. tag)
	local found
	pcall(T.eventually, function()
		local list = {}
		local cursor = collection:find({}):sort { uid = 1 }
		while cursor:hasNext() do list[#list + 1] = cursor:next().uid end
		found = table.concat(list, " ")
		return found == uids
	end)
	T.eq(found, uids)
end

T.test("the node serves", function()
	skynet.newservice "rank_main"
	local status, body = http.raw("GET", "/ping")
	T.eq({ status, body }, { 200, "pong" })
	status, body = http.raw("GET", "/")
	T.eq(status, 200)
	T.ok(body:find "^Rankings")
	status, body = http.raw("GET", "/page")
	T.eq(status, 200)
	T.ok(body:find("<title>排行榜 ranking</title>", 1, true))
end)

T.test("where nothing is set the lowest score is first, and equal scores are in the order of the uids' bytes", function()
	submit("plain", "b", 20)
	submit("plain", "a", 20)
	submit("plain", "Z", 20)
	submit("plain", "c", 10.5)
	submit("plain", "d", -3)
	T.eq(uids "plain", "d c Z a b")
	T.eq(uids("plain", 2, 2), "c Z")
	T.eq(uids("plain", 6, 2), "")
	T.eq(get("/query", { appname = APP, tag = "plain", uid = "c" }), { code = "OK", rank = 2, element = { uid = "c", score = 10.5 } })
end)

T.test("a descending ranking is exactly the reverse", function()
	configure("down", 100, "descending")
	for _, uid in ipairs { "b", "a", "c" } do submit("down", uid, 20) end
	submit("down", "d", 30)
	T.eq(uids "down", "d c b a")
	T.eq(get("/query", { appname = APP, tag = "down", uid = "a" }).rank, 4)
	configure("down", 100, "ascending")
	T.eq(uids "down", "a b c d")
end)

T.test("what is beyond the capacity goes, from memory and store", function()
	configure("small", 3, "descending")
	for i = 1, 5 do submit("small", "u" .. i, i) end
	T.eq(uids "small", "u5 u4 u3")
	expect_stored("small", "u3 u4 u5")
	submit("small", "u5", 1) -- moves to the end, and stays: there are three
	T.eq(uids "small", "u4 u3 u5")
	submit("small", "u1", 1) -- an equal score, and the later place of the two
	T.eq(uids "small", "u4 u3 u5")
	configure("small", 1, "ascending")
	T.eq(uids "small", "u5")
	expect_stored("small", "u5")
end)

T.test("where no capacity is set it is 500", function()
	for i = 1, 510 do submit("many", string.format("u%03d", i), i) end
	T.eq(get("/query", { appname = APP, tag = "many", uid = "u500" }).rank, 500)
	T.eq(get("/query", { appname = APP, tag = "many", uid = "u501" }).code, "NOT_IN_RANK")
	local names = {}
	for i = 1, 500 do names[i] = string.format("u%03d", i) end
	expect_stored("many", table.concat(names, " "))
end)

T.test("an unchanged score changes the info in memory and store", function()
	submit("info", "a", 1, "old")
	submit("info", "a", 1, "new")
	T.eq(get("/query", { appname = APP, tag = "info", uid = "a" }).element.info, "new")
	local collection = mongo.client({ docstore = true }).rank:getCollection(APP .. "_info")
	T.eventually(function() return collection:findOne({ uid = "a" }).info == "new" end)
	submit("info", "a", 1)
	T.eq(get("/query", { appname = APP, tag = "info", uid = "a" }).element, { uid = "a", score = 1 })
end)

T.test("an info is any JSON value", function()
	for text in ('{"a":[],"b":{},"c":null}|[1,[2.5,"x"]]|true|-0.125|"\\"排\\""|1.1|[]|{}'):gmatch "[^|]+" do
		local status, body = http.raw("POST", "/update", '{"appname":"game","tags":["json"],"uid":7,"score":1,"info":' .. text .. "}")
		T.eq({ status, body }, { 200, '{"code":"OK"}' })
		status, body = http.raw("GET", "/query?appname=game&tag=json&uid=7")
		T.eq(cjson.decode(body).element.uid, "7")
		T.ok(body:find(text, 1, true) or text:find '"a"', body)
		T.eq(status, 200)
	end
end)

T.test("names and uids may be in any language", function()
	local names = { appname = "游戏", tag = "周榜" }
	T.eq(post("/update", { appname = names.appname, tags = { names.tag }, uid = "玩家", score = 1 }), { code = "OK" })
	local found = get("/query", { appname = names.appname, tag = names.tag, uid = "玩家" })
	T.eq(found, { code = "OK", rank = 1, element = { uid = "玩家", score = 1 } })
end)

T.test("some players are asked for at once, unknown ones are left out", function()
	local answer = get("/infos", { appname = APP, tag = "plain", uids = "b,nobody,d" })
	T.eq(answer, { code = "OK", elements = { { uid = "b", score = 20 }, { uid = "d", score = -3 } } })
end)

T.test("around one", function()
	local function around(uid, count)
		local answer = get("/around", { appname = APP, tag = "many", uid = uid, count = count })
		return { answer.rank, answer.start, #answer.elements, answer.elements[1].uid }
	end
	T.eq(around("u100", 5), { 100, 98, 5, "u098" })
	T.eq(around("u001", 5), { 1, 1, 5, "u001" })
	T.eq(around("u500", 5), { 500, 496, 5, "u496" })
	T.eq(around("u250", 1000), { 250, 1, 500, "u001" })
	T.eq(get("/around", { appname = APP, tag = "many", uid = "u501", count = 3 }).code, "NOT_IN_RANK")
end)

T.test("one update goes to several rankings, and so does a removal", function()
	T.eq(post("/update", { appname = APP, tags = { "t1", "t2", "t1" }, uid = "a", score = 1 }).code, "OK")
	T.eq({ uids "t1", uids "t2" }, { "a", "a" })
	T.eq(post("/delete", { appname = APP, tags = { "t1", "unknown" }, uid = "a" }), { code = "OK" })
	T.eq({ uids "t1", uids "t2" }, { "", "a" })
	expect_stored("t1", "")
	T.eq(get("/query", { appname = APP, tag = "t1", uid = "a" }).code, "NOT_IN_RANK")
end)

T.test("a ranking that nobody has written to is empty, and is not made by asking", function()
	T.eq(uids "none", "")
	T.eq(get("/infos", { appname = APP, tag = "none", uids = "a" }), { code = "OK", elements = {} })
	T.eq(get("/query", { appname = APP, tag = "none", uid = "a" }).code, "NOT_IN_RANK")
	local status, body = http.raw("GET", "/ranklist?appname=game&tag=none&start=1&count=9")
	T.eq({ status, body }, { 200, '{"code":"OK","elements":[]}' })
end)

T.test("other nodes ask on the cluster port", function()
	cluster.reload { ranking_node = "127.0.0.1:" .. port + 1 }
	local function call(...) return cluster.call("ranking_node", "@rank", ...) end
	T.eq(call("update", { appname = APP, tags = { "far" }, uid = "a", score = 5, info = { level = 3 } }), { code = "OK" })
	T.eq(call("update", { appname = APP, tags = { "far" }, uid = "b", score = 4 }), { code = "OK" })
	T.eq(call("query", { appname = APP, tag = "far", uid = "a" }),
		{ code = "OK", rank = 2, element = { uid = "a", score = 5, info = { level = 3 } } })
	T.eq(call("ranklist", { appname = APP, tag = "far", start = 1, count = 1 }), { code = "OK", elements = { { uid = "b", score = 4 } } })
	T.eq(call("infos", { appname = APP, tag = "far", uids = { "b", "x" } }).elements, { { uid = "b", score = 4 } })
	T.eq(call("setconfig", { appname = APP, config = { { tag = "far", capacity = 1 } } }), { code = "OK" })
	T.eq(uids "far", "b")
	T.eq(call("delete", { appname = APP, tags = { "far" }, uid = "b" }), { code = "OK" })
	T.eq(call("update", { appname = APP, tags = { "far" }, uid = "a", score = 0 / 0 }).code, "BAD_REQUEST")
	T.eq(call("update", { appname = APP, tags = { "far" }, uid = "a", score = 1, info = { [1000000] = 1 } }).code, "BAD_REQUEST")
	T.eq(call "update".code, "BAD_REQUEST")
	T.eq(call "nonsense", { code = "NOT_FOUND", message = "there is no request nonsense" })
end)

T.run()
