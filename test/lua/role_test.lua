-- config: preload = case_dir .. "/lib/fake_mongo_preload.lua"
-- config: db_conf_game = "{ host = '127.0.0.1', port = 1 }"
-- config: snowflake_end = 1
-- Players and what the database has of them, with a driver that keeps documents in a service.
local skynet = require "skynet"
local cjson = require "cjson"
local websocket = require "http.websocket"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local database, watchdog

-- What a client sends before its agent is there goes to the watchdog; an agent sends a text back.
local function await_agent(id)
	local sent, answer = 0, nil
	skynet.fork(function() answer = websocket.read(id) end)
	T.eventually(function()
		sent = sent + 1
		websocket.write(id, cjson.encode("text " .. sent))
		skynet.sleep(5)
		return answer
	end)
	for _ = tonumber(answer:match "%d+") + 1, sent do websocket.read(id) end
end

local function connect()
	if not watchdog then
		database = skynet.newservice "fake_mongo"
		watchdog = skynet.newservice "ws_watchdog"
		skynet.call(watchdog, "lua", "start", { port = port, address = "127.0.0.1", instance = 2, protocol = "ws" })
	end
	local id = websocket.connect("ws://127.0.0.1:" .. port)
	await_agent(id)
	return id
end

local function ask(id, name, data)
	websocket.write(id, cjson.encode { name = name, data = data or {} })
	return cjson.decode(websocket.read(id))
end

local function stored(acc)
	local document = skynet.call(database, "lua", "find", { acc = acc })
	return document and document.sign_cnt
end

T.test("requests sent at once are answered in their order", function()
	local id = connect()
	for _, text in ipairs { '{"name":"cs_login","data":{"acc":"order"}}', '{"name":"cs_sign"}', '{"name":"cs_sign"}', "[1]" } do
		websocket.write(id, text)
	end
	local got = {}
	for i = 1, 4 do
		local answer = cjson.decode(websocket.read(id))
		got[i] = answer.data and answer.data.sign_cnt or answer[1]
	end
	T.eq(got, { 0, 1, 2, 1 })
	websocket.close(id)
end)

T.test("what was not saved yet is saved when the client goes", function()
	local id = connect()
	ask(id, "cs_login", { acc = "bob" })
	T.eq(ask(id, "cs_sign").data.sign_cnt, 1)
	websocket.close(id)
	T.eventually(function() return stored "bob" == 1 end)
end)

T.test("a log-out saves, and another account may log in on the same connection", function()
	local id = connect()
	ask(id, "cs_login", { acc = "one" })
	ask(id, "cs_sign")
	websocket.write(id, '{"name":"cs_logout"}')
	T.eq(websocket.read(id), "null")
	T.eq(stored "one", 1)
	T.eq(ask(id, "cs_login", { acc = "two" }).data.sign_cnt, 0)
	ask(id, "cs_sign")
	T.eq(ask(id, "cs_login", { acc = "one" }).data.sign_cnt, 1)
	T.eq(stored "two", 1)
	websocket.close(id)
end)

T.test("an account that logs in elsewhere takes its unsaved changes along", function()
	local first, second = connect(), connect()
	ask(first, "cs_login", { acc = "cid" })
	ask(first, "cs_sign")
	ask(first, "cs_sign")
	T.eq(ask(second, "cs_login", { acc = "cid" }).data.sign_cnt, 2)
	T.eq(ask(first, "cs_sign").data, { req_name = "cs_sign", msg = "need login first" })
	T.eq(ask(second, "cs_sign").data.sign_cnt, 3)
	websocket.close(first)
	websocket.close(second)
	T.eventually(function() return stored "cid" == 3 end)
end)

T.test("two connections that take each other's account do not wait for ever", function()
	local first, second = connect(), connect()
	ask(first, "cs_login", { acc = "left" })
	ask(second, "cs_login", { acc = "right" })
	websocket.write(first, '{"name":"cs_login","data":{"acc":"right"}}')
	websocket.write(second, '{"name":"cs_login","data":{"acc":"left"}}')
	T.eq(cjson.decode(websocket.read(first)).name, "sc_login")
	T.eq(cjson.decode(websocket.read(second)).name, "sc_login")
	websocket.close(first)
	websocket.close(second)
end)

T.test("a save that failed is made up for", function()
	local id = connect()
	ask(id, "cs_login", { acc = "dan" })
	local before = skynet.call(database, "lua", "saves")
	skynet.call(database, "lua", "fail", 1)
	ask(id, "cs_sign")
	T.eventually(function() return skynet.call(database, "lua", "saves") == before + 1 end, 500)
	T.eq(stored "dan", nil)
	T.eventually(function() return stored "dan" == 1 end, 500)
	websocket.close(id)
end)

T.run(1500)
