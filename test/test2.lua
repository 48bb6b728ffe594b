-- A client of a WebSocket echo server on port 8888, that says hello every two seconds. Started by etc/config.test2.
local skynet = require "skynet"
local websocket = require "http.websocket"

local URL = "ws://127.0.0.1:8888/test_websocket"
local HELLO = "hello world!"
local HALF_PERIOD = 100 -- 1/100 s

local function send_loop(id)
	while true do
		print(">: " .. HELLO, id)
		websocket.write(id, HELLO)
		skynet.sleep(HALF_PERIOD)
		websocket.ping(id)
		skynet.sleep(HALF_PERIOD)
	end
end

local function read_loop(id)
	while true do
		local read, text, reason = pcall(websocket.read, id)
		if not read then text, reason = false, text end
		if not text then
			print("<: [Close] " .. tostring(reason))
			return
		end
		print("<: " .. text)
	end
end

skynet.start(function()
	local id = websocket.connect(URL)
	local sender = skynet.fork(send_loop, id)
	skynet.fork(function()
		read_loop(id)
		print "echo server close."
		skynet.killthread(sender)
		websocket.close(id)
		skynet.exit()
	end)
end)
