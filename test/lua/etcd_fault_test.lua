-- The etcd client against a server whose answers are cut, or are not what etcd answers: an error of whoever asked, and
-- the next request works.
local skynet = require "skynet"
local socket = require "skynet.socket"
local etcd = require "etcd"
local contents = require("cluster_wire").contents
local other_node = require "other_node"
local silence = require "silence"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local script -- what the server does with the next connections
local client

local function serve(fd)
	socket.start(fd)
	local head = socket.readline(fd, "\r\n\r\n")
	local length = head and head:lower():match "content%-length: (%d+)"
	if length then socket.read(fd, tonumber(length)) end
	script(fd)
	socket.close(fd)
end

-- The next requests get this.
local function answer(...)
	local parts = { ... }
	script = function(fd)
		for _, part in ipairs(parts) do
			socket.write(fd, part)
			skynet.sleep(1)
		end
	end
end

local function whole(body)
	return string.format("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", #body, body)
end

local function chunk(text) return string.format("%x\r\n%s\r\n", #text, text) end

local CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
local CREATED = '{"result":{"created":true}}\n'

local function fails(f, ...)
	local ok, result, err = pcall(f, client, ...)
	T.ok(ok, "raised: " .. tostring(result))
	T.eq(result, nil)
	T.ok(err ~= nil, "a reason")
	return tostring(err)
end

local function open_connections()
	local count = 0
	for _, info in ipairs(socket.netstat()) do
		if info.address == skynet.self() and info.type ~= "LISTEN" and info.type ~= "CLOSED" then count = count + 1 end
	end
	return count
end

T.test("a server that closes in the middle of an answer", function()
	socket.start(socket.listen("127.0.0.1", port), serve)
	client = etcd.new { http_host = "http://127.0.0.1:" .. port, key_prefix = "/p/", timeout = 2 }
	for _, cut in ipairs {
		"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"kvs\":", CHUNKED, CHUNKED .. "f\r\n{\"kv", CHUNKED .. chunk "{}", CHUNKED .. "zz\r\n",
		"HTTP/1.1 200 OK\r\n\r\n{\"kvs\":[{\"key\":\"eA",
	} do
		answer(cut)
		fails(client.get, "x")
		fails(client.keepalive, "7")
	end
end)

T.test("pairs that are none", function()
	for _, kvs in ipairs {
		"5", '"x"', "{}", "[5]", '["x"]', "[null]", '[{"key":5}]', '[{"key":"!!!!"}]', '[{"key":"eA==","value":5}]',
		'[{"key":"eA==","value":"eA==x"}]', '[{"value":"eA=="}]',
	} do
		answer(whole('{"kvs":' .. kvs .. "}"))
		if kvs == "{}" then
			-- An empty table is an empty list.
			T.ok(client:get "x")
		else
			T.eq(fails(client.get, "x"), "malformed answer: kvs", kvs)
			T.eq(fails(client.readdir, ""), "malformed answer: kvs", kvs)
		end
	end
	answer(whole '{"kvs":null}')
	T.ok(client:get "x", "null is as good as left out")
	for _, keys in ipairs { "5", '[5]', '["*"]' } do
		answer(whole('{"keys":' .. keys .. "}"))
		T.eq(fails(client.timetolive, "7", true), "malformed answer: keys", keys)
	end
end)

T.test("bodies that are no objects", function()
	for _, body in ipairs { "", "{", "null", "5", '"x"', "[1]", '{"a":1}}', "\0" } do
		answer(whole(body))
		T.eq(fails(client.get, "x"), "decode json failed", body)
		T.eq(fails(client.grant, 5), "decode json failed", body)
	end
end)

T.test("messages of a watch that are none end it", function()
	for _, line in ipairs {
		"null", "5", '"x"', "[1]", '{"result":5}', '{"result":"x"}', '{"result":{"events":5}}', '{"result":{"events":[5]}}',
		'{"result":{"events":[{}]}}', '{"result":{"events":[{"kv":5}]}}', '{"result":{"events":[{"kv":{"key":"!"}}]}}',
		'{"result":{"events":[{"kv":{"key":"eA==","value":{}}}]}}', '{"result":{"events":[{"kv":{"key":"eA=="},"prev_kv":7}]}}',
	} do
		answer(CHUNKED, chunk(CREATED), chunk(line .. "\n"), chunk(CREATED))
		local watch = client:watch "k"
		T.eq(watch().result.created, true)
		local ok, body, err = pcall(watch)
		T.ok(ok, line .. " raised: " .. tostring(body))
		T.eq(body, nil, line)
		T.ok(err ~= nil, line)
		T.eq({ watch() }, { nil, err }, line)
	end
	T.eventually(function() return open_connections() == 0 end, 500, "all connections are closed")
end)

T.test("a watch whose server goes in the middle of a message", function()
	for _, cut in ipairs { "", '{"result":{"ev', "zz" } do
		answer(CHUNKED, chunk(CREATED), cut == "" and cut or chunk(cut))
		local watch = client:watch "k"
		T.eq(watch().result.created, true)
		local body, err = watch()
		T.eq(body, nil)
		T.ok(err ~= nil)
	end
	T.eventually(function() return open_connections() == 0 end, 500, "all connections are closed")
end)

T.test("a watch that is never answered costs the time limit", function()
	script = function(fd) socket.readall(fd) end
	local impatient = etcd.new { http_host = "http://127.0.0.1:" .. port, timeout = 0.3 }
	local watch, err = impatient:watch "k"
	T.eq(watch, nil)
	T.ok(err ~= nil)
end)

T.test("a watch of a host that has fallen silent ends within seconds", function()
	local command, log = other_node.command("etcd_watcher", { listen = port + 1 })
	if not silence(log, command) then
		skynet.error "this machine lets nobody make a network of its own: nothing to see"
		return
	end
	local text = T.eventually(function() return contents(log):match "ended ([^\n]*)" end, 1500)
	T.ok(text:find("[Socket Error]", 1, true), text)
end)

T.test("a good answer after all that is a good answer", function()
	answer(whole '{"kvs":[{"key":"L3AveA==","value":"MQ=="}]}')
	T.eq(client:get "x".body.kvs, { { key = "/p/x", value = 1 } })
end)

T.run()
