-- config: docstore = "rank.db"
-- config: docstore_listen = ""
-- config: rank_port = port
-- config: rank_cluster = ""
-- config: rank_max = 3
-- config: static_path = "no such folder/"
-- The rankings where things go wrong: requests that are no good, services and a database that fail.
local skynet = require "skynet"
require "skynet.manager"
local cjson = require "cjson"
local mongo = require "skynet.db.mongo"
local rank_api = require "rank.api"
local T = require "harness"
local rank_client = require "rank_client"

local http = rank_client.new(tonumber(skynet.getenv "port"))
local get, post = http.get, http.post

local function update(tag, uid, score)
	return post("/update", { appname = "game", tags = { tag }, uid = uid, score = score }).code
end

local function service_of(rankid)
	return (skynet.call(".rank", "lua", "find", rankid, false))
end

-- Sends a request; its status, code and message in one text.
local function ask(method, path, body)
	local status, text, fields = http.raw(method, path, body)
	T.eq(fields["content-type"], "application/json")
	local answer = cjson.decode(text)
	return string.format("%d %s %s", status, answer.code, answer.message)
end

T.test("a request that is no good is refused, and the connection stays", function()
	skynet.newservice "rank_main"
	local name, long = ("n"):rep(65), ("u"):rep(129)
	for _, case in ipairs {
		{ "", "400 BAD_REQUEST the body is no JSON: Expected value but found T_END at character 1" },
		{ "{", "400 BAD_REQUEST the body is no JSON: " },
		{ '"text"', "400 BAD_REQUEST the request is no object" },
		{ "null", "400 BAD_REQUEST the request is no object" },
		{ "{}", "200 RANK_INIT_FAIL appname is missing" },
		{ "[1]", "200 RANK_INIT_FAIL appname is missing" },
		{ '{"appname":""}', "200 RANK_INIT_FAIL appname is empty" },
		{ '{"appname":7}', "200 RANK_INIT_FAIL appname is a number, not a text" },
		{ '{"appname":"a\\u0000"}', "200 RANK_INIT_FAIL appname has a control character" },
		{ '{"appname":"' .. name .. '"}', "200 RANK_INIT_FAIL appname is longer than 64 bytes" },
		{ '{"appname":"a$"}', "200 RANK_INIT_FAIL appname has a $" },
		{ '{"appname":"a"}', "400 BAD_REQUEST tags is missing" },
		{ '{"appname":"a","tags":"t"}', "400 BAD_REQUEST tags is not a list with something in it" },
		{ '{"appname":"a","tags":[]}', "400 BAD_REQUEST tags is not a list with something in it" },
		{ '{"appname":"a","tags":{"x":1}}', "400 BAD_REQUEST tags is not a list with something in it" },
		{ '{"appname":"a","tags":[1]}', "400 BAD_REQUEST tag is a number, not a text" },
		{ '{"appname":"a","tags":[null]}', "400 BAD_REQUEST tag is null, not a text" },
		{ '{"appname":"a","tags":["' .. ("x,"):rep(100):gsub(",", '","') .. '"]}', "400 BAD_REQUEST tags has more than 100 elements" },
		{ '{"appname":"rank","tags":["config"]}', "400 BAD_REQUEST there cannot be a ranking rank_config" },
		{ '{"appname":"system.a","tags":["b"]}', "400 BAD_REQUEST there cannot be a ranking system.a_b" },
		{ '{"appname":"a","tags":["t"]}', "400 BAD_REQUEST uid is missing" },
		{ '{"appname":"a","tags":["t"],"uid":"\237\160\128"}', "400 BAD_REQUEST " },
		{ '{"appname":"a","tags":["t"],"uid":""}', "400 BAD_REQUEST uid is empty" },
		{ '{"appname":"a","tags":["t"],"uid":1.5}', "400 BAD_REQUEST uid is a number, not a text" },
		{ '{"appname":"a","tags":["t"],"uid":{}}', "400 BAD_REQUEST uid is a list or an object, not a text" },
		{ '{"appname":"a","tags":["t"],"uid":"' .. long .. '"}', "400 BAD_REQUEST uid is longer than 128 bytes" },
		{ '{"appname":"a","tags":["t"],"uid":"u"}', "400 BAD_REQUEST score is missing" },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":"1"}', "400 BAD_REQUEST score is a text, not a number" },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":null}', "400 BAD_REQUEST score is null, not a number" },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":NaN}', "400 BAD_REQUEST the body is no JSON: " },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":1e999}', "400 BAD_REQUEST score is not a number from -2^53 to 2^53" },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":9007199254740993}', "400 BAD_REQUEST score is not a number from -2^53 to 2^53" },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":-9223372036854775808}', "400 BAD_REQUEST score is not a number from -2^53 to 2^53" },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":1,"info":"' .. ("i"):rep(4095) .. '"}', "400 BAD_REQUEST info cannot be kept: it is longer than 4096 bytes" },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":1,"info":' .. ("["):rep(17) .. ("]"):rep(17) .. "}", "400 BAD_REQUEST info cannot be kept: it is nested deeper than 16" },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":1,"info":["\\u0000\\n"]}', "400 BAD_REQUEST info cannot be kept: a text in it begins with a zero byte" },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":1,"info":{"\\u0000":1}}', "400 BAD_REQUEST info cannot be kept: " },
		{ '{"appname":"a","tags":["t"],"uid":"u","score":1,"info":"\255"}', "400 BAD_REQUEST " },
	} do
		local got = ask("POST", "/update", case[1])
		T.eq(got:sub(1, #case[2]), case[2], case[1])
	end
	T.eq(http.connections, 1)
	T.eq(service_of "a_t", nil)
end)

T.test("a config that is no good is refused", function()
	for _, case in ipairs {
		{ '{"appname":"a"}', "config is missing" },
		{ '{"appname":"a","config":{"tag":"t"}}', "config is not a list with something in it" },
		{ '{"appname":"a","config":[1]}', "config has an element that is no object" },
		{ '{"appname":"a","config":[{}]}', "tag is missing" },
		{ '{"appname":"a","config":[{"tag":"t","capacity":0}]}', "capacity is not a whole number from 1 to 10000000" },
		{ '{"appname":"a","config":[{"tag":"t","capacity":1.5}]}', "capacity is not a whole number from 1 to 10000000" },
		{ '{"appname":"a","config":[{"tag":"t","order":"up"}]}', 'order is neither "ascending" nor "descending"' },
	} do
		T.eq(ask("POST", "/setconfig", case[1]), "400 BAD_REQUEST " .. case[2], case[1])
	end
end)

T.test("a query that is no good is refused", function()
	for _, case in ipairs {
		{ "/query", "200 RANK_INIT_FAIL appname is missing" },
		{ "/query?appname=a&appname=b", "200 RANK_INIT_FAIL appname is a list or an object, not a text" },
		{ "/query?appname=a", "400 BAD_REQUEST tag is missing" },
		{ "/query?appname=a&tag=t", "400 BAD_REQUEST uid is missing" },
		{ "/query?appname=a&tag=t&uid=%ff", "400 BAD_REQUEST uid is not in UTF-8" },
		{ "/query?appname=%c3%28", "200 RANK_INIT_FAIL appname is not in UTF-8" },
		{ "/infos?appname=a&tag=t&uids=", "400 BAD_REQUEST uids is not a list with something in it" },
		{ "/infos?appname=a&tag=t&uids=,,", "400 BAD_REQUEST uids is not a list with something in it" },
		{ "/ranklist?appname=a&tag=t&start=0&count=1", "400 BAD_REQUEST start is not a whole number from 1 to 10000000" },
		{ "/ranklist?appname=a&tag=t&start=1e3&count=1", "400 BAD_REQUEST start is not a whole number from 1 to 10000000" },
		{ "/ranklist?appname=a&tag=t&start=1&count=10001", "400 BAD_REQUEST count is not a whole number from 1 to 10000" },
		{ "/ranklist?appname=a&tag=t&start=1", "400 BAD_REQUEST count is missing" },
		{ "/ranklist?appname=a&tag=t&start=1&count=99999999999999999999", "400 BAD_REQUEST count is not a whole number from 1 to 10000" },
		{ "/page", "404 NOT_FOUND the page rank.html is not in static_path" },
		{ "/nothing", "404 NOT_FOUND there is no such path" },
		{ "/update", "405 METHOD_NOT_ALLOWED /update takes POST" },
	} do
		T.eq(ask("GET", case[1]), case[2], case[1])
	end
	T.eq(ask("BREW", "/ping", ""), "405 METHOD_NOT_ALLOWED /ping takes GET")
	T.eq(http.connections, 1)
end)

T.test("a request that is malformed or too large is refused, and the connection ends", function()
	T.eq(ask("POST", "/update", (" "):rep(64 * 1024 + 1)):match "^%d+ %S+", "413 TOO_LARGE")
	T.eq(ask("GET", "/" .. ("x"):rep(9000)):match "^%d+ %S+", "413 TOO_LARGE")
	local status, text = http.send "GET /ping HTTP/1.1\r\nhost: x\r\nbad line\r\n\r\n"
	T.eq({ status, cjson.decode(text).code }, { 400, "BAD_REQUEST" })
	status = http.send "GET /ping HTTP/2.0\r\nhost: x\r\n\r\n"
	T.eq(status, 505)
	T.eq(http.connections, 4)
end)

T.test("a client says whether its connection goes on", function()
	local function connection_of(version, field)
		local status, body, fields = http.send("GET /ping HTTP/" .. version .. "\r\nhost: x\r\n" .. field .. "\r\n")
		T.eq({ status, body }, { 200, "pong" })
		return fields.connection
	end
	T.eq(connection_of("1.1", ""), nil)
	T.eq(connection_of("1.1", "connection: Upgrade, Close\r\n"), "close")
	T.eq(connection_of("1.0", ""), "close")
	T.eq(connection_of("1.0", "connection: Keep-Alive\r\n"), "keep-alive")
	T.eq(connection_of("1.1", "connection: a\r\nconnection: close\r\n"), "close")
end)

T.test("requests that come at once are answered in order", function()
	local one = "GET /ping HTTP/1.1\r\nhost: x\r\n\r\n"
	local status, body = http.send(one .. "HEAD /ping HTTP/1.1\r\nhost: x\r\n\r\n" .. "GET /none HTTP/1.1\r\nhost: x\r\n\r\n")
	T.eq({ status, body }, { 200, "pong" })
	local fields
	status, body, fields = http.send("", true)
	T.eq({ status, body, fields["content-length"] }, { 200, "", "4" }, "HEAD has no body, and says how long it would be")
	T.eq((http.send ""), 404)
end)

T.test("a name that no collection can have is refused, and takes no place among the rankings", function()
	for _, tag in ipairs { ".", "..", "a." } do
		T.eq(ask("POST", "/update", cjson.encode { appname = "game", tags = { tag }, uid = "a", score = 1 }),
			"400 BAD_REQUEST there cannot be a ranking game_" .. tag)
	end
	T.eq(post("/update", { appname = ".game", tags = { "t" }, uid = "a", score = 1 }).code, "BAD_REQUEST")
end)

T.test("a ranking that cannot be made takes no place among the rankings", function()
	local database = mongo.client({ docstore = true }).rank
	-- No index can be unique on what is there already, so these cannot be opened.
	for i = 1, 3 do
		local collection = database:getCollection("game_bad" .. i)
		collection:insert { uid = "twice" }
		T.eq(collection:safe_insert { uid = "twice" }, true)
		T.eq(update("bad" .. i, "a", 1), "RANK_SERVICE_CACHE_FAIL")
	end
	for i = 1, 3 do database:getCollection("game_bad" .. i):drop() end
end)

T.test("there are no more rankings than the config allows", function()
	T.eq({ update("r1", "a", 1), update("r2", "a", 1), update("r3", "a", 1) }, { "OK", "OK", "OK" })
	T.eq(post("/update", { appname = "game", tags = { "r4" }, uid = "a", score = 1 }),
		{ code = "RANK_SERVICE_CACHE_FAIL", message = "there are 3 rankings, and rank_max allows 3" })
	T.eq(post("/setconfig", { appname = "game", config = { { tag = "r4" } } }).code, "RANK_SERVICE_CACHE_FAIL")
	T.eq(post("/setconfig", { appname = "game", config = { { tag = "r3" } } }).code, "OK")
end)

T.test("a service that has ended is told of once, and replaced", function()
	local ended = service_of "game_r1"
	skynet.kill(ended)
	T.eq(get("/query", { appname = "game", tag = "r1", uid = "a" }).code, "RANK_SERVICE_CALL_FAIL")
	T.eq(get("/query", { appname = "game", tag = "r1", uid = "a" }), { code = "OK", rank = 1, element = { uid = "a", score = 1 } })
	T.ok(service_of "game_r1" ~= ended)
end)

T.test("a service that does not answer is waited for, but not for ever", function()
	T.eq(rank_api(skynet.newservice "mute").query { appname = "a", tag = "t", uid = "u" }.code, "RANK_SERVICE_TIMEOUT")
	-- The service of a ranking, which another request waits for, too.
	local mute = skynet.newservice "mute"
	skynet.dispatch("lua", function() skynet.retpack(mute) end) -- find
	local api = rank_api(skynet.self())
	local other
	skynet.fork(function() other = api.infos({ appname = "a", tag = "t", uids = "u" }).code end)
	T.eq(api.query({ appname = "a", tag = "t", uid = "u" }).code, "RANK_SERVICE_TIMEOUT")
	T.eventually(function() return other end)
	T.eq(other, "RANK_SERVICE_TIMEOUT")
	local gone = skynet.newservice "mute"
	skynet.kill(gone)
	T.eq(rank_api(gone).query { appname = "a", tag = "t", uid = "u" }.code, "RANK_SERVICE_CACHE_FAIL")
end)

T.test("a player that the database refuses does not keep the others from it", function()
	local collection = mongo.client({ docstore = true }).rank:getCollection "game_r2"
	T.eq(collection:createIndex({ { score = 1 }, unique = true }).ok, 1)
	for _, uid in ipairs { "b", "c", "d" } do update("r2", uid, 1) end -- as "a" has it
	for i = 2, 300 do update("r2", "u" .. i, i) end
	T.eventually(function()
		local reply = collection.database:runCommand("count", "game_r2")
		return reply.n == 300
	end)
	T.eq(get("/query", { appname = "game", tag = "r2", uid = "c" }).rank, 3)
	T.eventually(function() return update("r2", "c", 1) == "SAVE_DB_FAIL" end)
	T.eq(update("r2", "u2", 2), "OK")
	T.eq(collection:dropIndex("score_1").ok, 1)
	T.eventually(function() return collection:findOne { uid = "b" } and collection:findOne { uid = "c" } end)
	T.eq(update("r2", "c", 1), "OK")
end)

T.test("while the database fails it says so, and afterwards nothing is missing", function()
	skynet.kill(skynet.localname ".docstore")
	T.eventually(function() return update("r1", "b", 2) == "SAVE_DB_FAIL" end)
	T.eq(post("/delete", { appname = "game", tags = { "r1" }, uid = "a" }).code, "SAVE_DB_FAIL")
	T.eq(get("/query", { appname = "game", tag = "r1", uid = "b" }).rank, 1)
	T.eq(post("/setconfig", { appname = "game", config = { { tag = "r1", order = "descending" } } }).code, "SAVE_DB_FAIL")
	-- The file is free when the killed one has been released.
	T.eventually(function() return (pcall(skynet.newservice, "docstore")) end)
	T.eventually(function() return update("r1", "c", 3) == "OK" end, 1000)
	local collection = mongo.client({ docstore = true }).rank:getCollection "game_r1"
	T.eventually(function() return collection:findOne { uid = "b" } and collection:findOne { uid = "c" } end)
	T.eq(collection:findOne { uid = "a" }, nil)
end)

T.run(2500)
