-- The etcd client against a server that misbehaves: what a real etcd seldom does.
local skynet = require "skynet"
local crypt = require "skynet.crypt"
local socket = require "skynet.socket"
local etcd = require "etcd"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local host = "http://127.0.0.1:" .. port
local listening = false
local answer -- the raw answer to the next requests; nil: none ever

local function serve(fd)
	socket.start(fd)
	local head = socket.readline(fd, "\r\n\r\n")
	if head and answer then
		for _, part in ipairs(type(answer) == "table" and answer or { answer }) do
			socket.write(fd, part)
			skynet.sleep(2)
		end
	else
		socket.readall(fd) -- until the client gives up
	end
	socket.close(fd)
end

local function client(raw, options)
	if not listening then
		listening = true
		socket.start(socket.listen("127.0.0.1", port), function(fd) serve(fd) end)
	end
	answer = raw
	options = options or {}
	options.http_host = host
	return etcd.new(options)
end

local function response(status, body)
	return string.format("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, #body, body)
end

T.test("a server that never answers costs the time limit, not more", function()
	local begun = skynet.now()
	local result, err = client(nil, { timeout = 0.3 }):get "x"
	T.eq(result, nil)
	T.ok(err ~= nil)
	T.within(skynet.now() - begun, 25, 400)
	result = client(nil):get("x", { timeout = 0.2 })
	T.eq(result, nil)
end)

T.test("failures of the server keep their reason", function()
	for raw, reason in pairs {
		[response("503 Service Unavailable", "busy")] = "invalid response code: 503",
		[response("401 Unauthorized", "{}")] = "insufficient credentials code: 401",
		[response("200 OK", "<html>")] = "decode json failed",
		[response("200 OK", "12")] = "decode json failed",
	} do
		T.eq({ client(raw):set("x", 1) }, { nil, reason })
		T.eq({ client(raw):get "x" }, { nil, reason })
	end
	local result, err = client(response("400 Bad Request", "{}"), { user = "root", password = "x" }):get "x"
	T.eq({ result, err }, { nil, "authenticate refresh token fail" })
end)

T.test("a refused request has its status and body", function()
	local result = client(response("404 Not Found", '{"error":"none","code":5}')):revoke "7"
	T.eq({ result.status, result.body }, { 404, { error = "none", code = 5 } })
end)

T.test("a value that is no JSON is given as text", function()
	local pair = string.format('{"key":"%s","value":"%s"}', crypt.base64encode "x", crypt.base64encode "plain {")
	T.eq(client(response("200 OK", '{"kvs":[' .. pair .. "]}")):get "x".body.kvs[1].value, "plain {")
end)

T.test("messages of a watch are whole, however the stream is cut", function()
	local key = crypt.base64encode "k"
	local created = '{"result":{"created":true}}\n'
	local event = '{"result":{"events":[{"kv":{"key":"' .. key .. '"}}]}}\n'
	local text = created .. event .. event
	local parts = { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" }
	for from = 1, #text, 17 do
		local piece = text:sub(from, from + 16)
		parts[#parts + 1] = string.format("%x\r\n%s\r\n", #piece, piece)
	end
	parts[#parts + 1] = "0\r\n\r\n"
	local watch = client(parts):watch "k"
	T.eq(watch().result.created, true)
	for _ = 1, 2 do
		T.eq(watch().result.events, { { type = "PUT", kv = { key = "k" } } })
	end
	local body, err = watch()
	T.eq(body, nil)
	T.ok(tostring(err):find("closed, status 200", 1, true), tostring(err))
	T.eq(watch(), nil)
end)

T.test("an error in a watch ends it", function()
	local body = '{"error":{"message":"compacted","http_code":400}}\n'
	local watch = client("HTTP/1.1 200 OK\r\n\r\n" .. body):watch "k"
	local got, err = watch()
	T.eq({ got, err.message }, { nil, "compacted" })
	T.eq({ client(""):watch "" }, { nil, "key should not be empty" })
	T.eq({ client(response("500 Internal Server Error", "")):watch "k" }, { nil, "invalid response code: 500" })
end)

T.run()
