-- needs: tls
-- https and wss beyond the conformance case: verification, ends of sessions, peers that speak something else.
local skynet = require "skynet"
local socket = require "skynet.socket"
local httpd = require "http.httpd"
local httpc = require "http.httpc"
local tlshelper = require "http.tlshelper"
local websocket = require "http.websocket"
local sockethelper = require "http.sockethelper"
local net = require "net"
local T = require "harness"

local context = tlshelper.newctx()
context:set_cert(skynet.getenv "certfile", skynet.getenv "keyfile")

-- An https server with keep-alive. → port, stop, counts
local function web()
	local count = { connections = 0, failed = 0 }
	local listener, port = net.serve(function(id)
		count.connections = count.connections + 1
		local tls = tlshelper.newtls("server", context)
		local read, write = tlshelper.readfunc(id, tls), tlshelper.writefunc(id, tls)
		local ok = pcall(function()
			tlshelper.init_responsefunc(id, tls)()
			while true do
				local code, url, method, _, body = httpd.read_request(read, 100000)
				if not code then break end
				if code ~= 200 then return httpd.write_response(write, code) end
				httpd.write_response(write, 200, method .. url .. body)
			end
		end)
		if not ok then count.failed = count.failed + 1 end
		tlshelper.closefunc(tls)()
	end)
	return port, function() socket.close(listener) end, count
end

T.test("connections are kept over TLS, too", function()
	local port, stop, count = web()
	local host = "https://localhost:" .. port
	httpc.keepalive = 1000
	for i = 1, 5 do T.eq({ httpc.get(host, "/" .. i) }, { 200, "GET/" .. i }) end
	T.eq(count, { connections = 1, failed = 0 })
	httpc.keepalive = nil
	stop()
end)

T.test("a connection over TLS is kept only while no byte has come that nobody asked for", function()
	local connections, sent_more = 0, false
	local listener, port = net.serve(function(id)
		connections = connections + 1
		local tls = tlshelper.newtls("server", context)
		local read, write = tlshelper.readfunc(id, tls), tlshelper.writefunc(id, tls)
		pcall(function()
			tlshelper.init_responsefunc(id, tls)()
			while true do
				local _, url = assert(httpd.read_request(read))
				write("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: " .. #url .. "\r\n\r\n" .. url)
				if url == "/more" then
					skynet.sleep(2)
					write "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen"
					sent_more = true
				end
			end
		end)
		tlshelper.closefunc(tls)()
	end)
	local host = "https://localhost:" .. port
	httpc.keepalive = 1000
	for _, url in ipairs { "/1", "/2", "/more" } do T.eq({ httpc.get(host, url) }, { 200, url }) end
	T.eq(connections, 1)
	T.eventually(function() return sent_more end)
	net.settle()
	T.eq({ httpc.get(host, "/3") }, { 200, "/3" })
	T.eq(connections, 2)
	-- one that was made for another context, which verified nobody, is not used
	httpc.tls_context = tlshelper.newctx { verify = true, cafile = skynet.getenv "certfile" }
	T.eq({ httpc.get(host, "/4") }, { 200, "/4" })
	T.eq(connections, 3)
	httpc.keepalive, httpc.tls_context = nil, nil
	socket.close(listener)
end)

T.test("several requests in one record, one request in many", function()
	local port, stop = web()
	local id = assert(socket.open(net.host, port))
	local tls = tlshelper.newtls("client", tlshelper.newctx())
	tlshelper.init_requestfunc(id, tls)()
	local read, write = tlshelper.readfunc(id, tls), tlshelper.writefunc(id, tls)
	write "GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n"
	local want = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nGET/"
	T.eq(read(#want + 1), want .. "1")
	T.eq(read(#want + 1), want .. "2")
	for c in ("POST /3 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab"):gmatch "." do write(c) end
	want = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nPOST/3ab"
	T.eq(read(#want), want)
	tlshelper.shutdown(id, tls)
	tlshelper.closefunc(tls)()
	socket.close(id)
	stop()
end)

T.test("a client that verifies refuses an unknown certificate and accepts a trusted one", function()
	local port, stop = web()
	local host = "https://localhost:" .. port
	httpc.tls_context = tlshelper.newctx { verify = true }
	local err = T.raises("certificate", httpc.get, host, "/")
	T.ok(err ~= sockethelper.socket_error)
	httpc.tls_context = tlshelper.newctx { verify = true, cafile = skynet.getenv "certfile" }
	T.eq((httpc.get(host, "/")), 200)
	-- the certificate is for localhost, not for the address
	T.eq(pcall(httpc.get, "https://" .. net.host .. ":" .. port, "/"), false)
	httpc.tls_context = nil
	T.eq((httpc.get("https://" .. net.host .. ":" .. port, "/")), 200)
	stop()
end)

T.test("a peer without TLS, and one that vanishes in the handshake, harm nobody", function()
	local port, stop, count = web()
	local before = net.count "TCP"
	for _, bytes in ipairs { "GET / HTTP/1.1\r\n\r\n", "\22\3\1", "\22\3\1\255\255" .. ("x"):rep(1000), "" } do
		local id = assert(socket.open(net.host, port))
		socket.write(id, bytes)
		skynet.sleep(2)
		socket.close(id)
	end
	T.eventually(function() return count.failed == 4 end)
	T.eq((httpc.get("https://" .. net.host .. ":" .. port, "/")), 200)
	T.eventually(function() return net.count "TCP" <= before end)
	stop()
end)

T.test("the timeout covers the TLS handshake", function()
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id) socket.start(id) end)
	httpc.timeout = 20
	local began = skynet.now()
	T.ok(T.raises(nil, httpc.get, "https://" .. net.host .. ":" .. port, "/") == sockethelper.socket_error)
	T.within(skynet.now() - began, 15, 1000)
	httpc.timeout = nil
	socket.close(listener)
end)

T.test("wss: messages both ways, a close from either side", function()
	local log = {}
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id)
		local ok, err = websocket.accept(id, {
			message = function(fd, data)
				if data == "bye" then return websocket.close(fd, 1001, "server") end
				websocket.write(fd, data, "binary")
			end,
			close = function(_, code) log[#log + 1] = code or "closed" end,
			error = function() log[#log + 1] = "error" end,
		}, "wss")
		log[#log + 1] = ok or err
	end)
	local url = "wss://localhost:" .. port
	local id = websocket.connect(url, nil, 500, { mask = true })
	local big = ("0123456789"):rep(20000)
	websocket.write(id, big, "binary")
	T.eq(websocket.read(id) == big, true)
	websocket.close(id, 1000, "client")
	T.eventually(function() return #log == 2 end)
	T.eq(log, { 1000, true })
	id = websocket.connect(url)
	websocket.write(id, "bye")
	T.eq({ websocket.read(id) }, { false, "\3\233server" })
	T.eventually(function() return #log == 4 end)
	T.eq({ log[3], log[4] }, { "closed", true })
	socket.close(listener)
end)

T.run(2000)
