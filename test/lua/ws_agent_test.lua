-- config: db_conf_game = '{host="127.0.0.1",port='..(port+11)..'}'
-- config: db_optional = true
-- config: snowflake_end = 1
-- Clients of a game whose database cannot be reached, but may be absent.
local skynet = require "skynet"
local cjson = require "cjson"
local websocket = require "http.websocket"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local id

local function ask(text)
	if not id then
		local watchdog = skynet.newservice "ws_watchdog"
		skynet.call(watchdog, "lua", "start", { port = port, address = "127.0.0.1", instance = 1, protocol = "ws" })
		id = websocket.connect("ws://127.0.0.1:" .. port)
	end
	websocket.write(id, text)
	return websocket.read(id)
end

T.test("what is no request comes back as it is", function()
	T.eq(ask '{ "a" : [1, 2.50] }', '{ "a" : [1, 2.50] }')
end)

T.test("a login is refused with the reason", function()
	local answer = cjson.decode(ask '{"name":"cs_login","data":{"acc":"bob"}}')
	T.eq({ answer.name, answer.data.req_name }, { "sc_error", "cs_login" })
	T.ok(answer.data.msg:find("^no database: "), answer.data.msg)
	answer = cjson.decode(ask '{"name":"cs_sign","data":{}}')
	T.eq(answer.data, { req_name = "cs_sign", msg = "need login first" })
end)

T.run()
