-- needs: tls
-- skynet.killthread, and what the task holds while it blocks: no descriptor stays open.
local skynet = require "skynet"
local skynet_coroutine = require "skynet.coroutine"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local dns = require "skynet.dns"
local httpc = require "http.httpc"
local websocket = require "http.websocket"
local web_server = require "web_server"
local lead = require "skynet.leader"
local auth = require "etcd.auth"
local net = require "net"
local T = require "harness"

-- A server that says `answer` after the first line, if anything, and then nothing more. → port, stop(), counts of
-- connections so far, and of those that are still open
local function mute_server(answer)
	local count = { came = 0, open = 0 }
	local listener, port = net.serve(function(id)
		count.came, count.open = count.came + 1, count.open + 1
		if answer and socket.readline(id) then socket.write(id, answer) end
		socket.readall(id)
		count.open = count.open - 1
	end)
	return port, function() socket.close(listener) end, count
end

-- Runs f in a task, kills it once ready() holds, and waits until the server has seen the end of its connection.
local function kill_in(count, f, ready)
	local victim = skynet.fork(f)
	T.eventually(ready or function() return count.came > 0 end)
	skynet.sleep(2) -- it waits for the answer
	T.eq(count.open, 1)
	T.eq(skynet.killthread(victim), victim)
	T.eventually(function() return count.open == 0 end)
end

T.test("a request of httpc", function()
	local port, stop, count = mute_server()
	kill_in(count, function() httpc.get(net.host .. ":" .. port, "/") end)
	stop()
end)

T.test("a request of httpc whose answer has begun, in a coroutine that the task drives", function()
	local port, stop, count = mute_server "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"
	kill_in(count, skynet_coroutine.wrap(function() httpc.get(net.host .. ":" .. port, "/") end))
	stop()
end)

T.test("a request of httpc over a connection that was kept", function()
	httpc.keepalive = 1000
	local count, requests = { open = 0 }, 0
	local listener, port = net.serve(function(id)
		count.open = count.open + 1
		while socket.readline(id, "\r\n\r\n") do
			requests = requests + 1
			if requests < 3 then socket.write(id, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") end
		end
		count.open = count.open - 1
	end)
	local host = net.host .. ":" .. port
	httpc.get(host, "/")
	-- Who made the connection may be killed when it is no longer his.
	local maker = skynet.fork(function()
		httpc.get(host, "/")
		skynet.wait {}
	end)
	T.eventually(function() return requests == 2 end)
	skynet.sleep(2)
	skynet.killthread(maker)
	skynet.sleep(2)
	T.eq(count.open, 1)
	kill_in(count, function() httpc.get(host, "/") end, function() return requests == 3 end)
	httpc.keepalive = nil
	socket.close(listener)
end)

T.test("the handshake of https", function()
	local port, stop, count = mute_server()
	kill_in(count, function() httpc.get("https://" .. net.host .. ":" .. port, "/") end)
	stop()
end)

T.test("the head of a stream, and its body; not a stream that somebody else reads", function()
	local port, stop, count = mute_server()
	kill_in(count, function() httpc.request_stream("GET", net.host .. ":" .. port, "/") end)
	stop()
	port, stop, count = mute_server "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"
	local stream
	local function open()
		stream = httpc.request_stream("GET", net.host .. ":" .. port, "/")
		skynet.wait {}
	end
	local opener = skynet.fork(open)
	T.eventually(function() return stream end)
	skynet.killthread(opener)
	kill_in(count, function()
		T.eq(stream(), "12345")
		stream()
	end)
	T.eventually(function() return stream.connected == false end)
	stream:close()
	stop()
end)

T.test("websocket.connect", function()
	local port, stop, count = mute_server()
	kill_in(count, function() websocket.connect("ws://" .. net.host .. ":" .. port .. "/") end)
	kill_in(count, function() websocket.connect("wss://" .. net.host .. ":" .. port .. "/") end,
		function() return count.came > 1 end)
	stop()
end)

T.test("the reader of a websocket is not its owner", function()
	local server
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id)
		websocket.accept(id, { connect = function(ws) server = ws end })
	end)
	local id = websocket.connect("ws://" .. net.host .. ":" .. port .. "/")
	local victim = skynet.fork(websocket.read, id)
	skynet.sleep(2)
	skynet.killthread(victim)
	websocket.write(server, "hello")
	T.eq(websocket.read(id), "hello")
	websocket.close(id)
	socket.close(listener)
end)

T.test("websocket.accept: its handler hears of the end", function()
	local tasks, ends = {}, {}
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id)
		tasks[#tasks + 1] = coroutine.running()
		websocket.accept(id, { close = function(ws) ends[#ends + 1] = ws end })
	end)
	local in_handshake = assert(socket.open(net.host, port))
	T.eventually(function() return tasks[1] end)
	skynet.sleep(1)
	local open = websocket.connect("ws://" .. net.host .. ":" .. port .. "/")
	for i, task in ipairs(tasks) do
		T.eq(skynet.killthread(task), task)
		T.eventually(function() return #ends == i end)
	end
	T.eq({ socket.read(in_handshake) }, { false, "" })
	T.raises("read failed", websocket.read, open)
	T.ok(websocket.is_close(ends[1]) and websocket.is_close(ends[2]))
	socket.close(in_handshake)
	websocket.close(open)
	socket.close(listener)
end)

T.test("a request of web_server", function()
	local task
	local serve = web_server {
		protocol = "http",
		answer = function()
			task = coroutine.running()
			skynet.wait {}
		end,
	}
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, serve)
	local id = assert(socket.open(net.host, port))
	socket.write(id, "GET / HTTP/1.1\r\nhost: me\r\n\r\n")
	T.eventually(function() return task end)
	T.eq(skynet.killthread(task), task)
	T.eq({ socket.readline(id) }, { false, "" })
	socket.close(id)
	socket.close(listener)
end)

T.test("what a listen id was given, unless it has been started", function()
	for _, starts in ipairs { false, true } do
		local task, accepted
		local listener, _, port = socket.listen(net.host, 0)
		socket.start(listener, function(id)
			task, accepted = coroutine.running(), id
			if starts then socket.start(id) end
			skynet.wait {}
		end)
		local id = assert(socket.open(net.host, port))
		T.eventually(function() return task end)
		skynet.sleep(1)
		T.eq(skynet.killthread(task), task)
		if starts then
			socket.write(id, "x")
			T.eq(socket.read(accepted), "x")
			socket.close(accepted)
		end
		T.eq({ socket.read(id) }, { false, "" })
		socket.close(id)
		socket.close(listener)
	end
end)

T.test("socket.listen and socket.bind: nobody has heard of the id", function()
	local listeners, bound = net.count "LISTEN", net.count "BIND"
	for _, f in ipairs { function() socket.listen(net.host, 0) end, socket.stdin } do
		local victim = skynet.fork(f)
		skynet.fork(function() T.eq(skynet.killthread(victim), victim) end)
		skynet.sleep(2)
		T.eventually(function() return net.count "LISTEN" == listeners and net.count "BIND" == bound end)
	end
end)

T.test("a question of skynet.dns over TCP", function()
	dns.DEFAULT_HOSTS, dns.DEFAULT_RESOLV_CONF = false, "killed_test_resolv.conf"
	local port, stop, count = mute_server()
	local file = assert(io.open(dns.DEFAULT_RESOLV_CONF, "w"))
	file:write("options use-vc\n")
	file:close()
	dns.server(net.host, port)
	kill_in(count, function() dns.resolve "name.example" end)
	os.remove(dns.DEFAULT_RESOLV_CONF)
	stop()
end)

T.test("who fetches the token of etcd: the next one does", function()
	local token = auth.new("user", "password")
	local victim = skynet.fork(token.get, token, function() skynet.wait {} end)
	local wait = net.async(token.get, token, function()
		return { status = 200, body = { token = "secret" } }
	end)
	skynet.yield()
	skynet.killthread(victim)
	T.eq({ wait() }, { true, "secret" })
end)

T.test("the task that leads is the one that can be killed, not the coroutine in it", function()
	local interrupted
	local victim = skynet.fork(skynet_coroutine.wrap(function()
		lead({}, function(how) interrupted = how end)
		skynet.wait {}
	end))
	skynet.yield()
	skynet.killthread(victim)
	T.eq(interrupted, true)
end)

T.test("no socket is left of all that", function()
	T.eventually(function() return net.count "TCP" == 0 and net.count "CLOSING" == 0 end)
	T.eq(driver.info(), {})
end)

T.run()
