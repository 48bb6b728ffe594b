-- http.httpd and http.httpc beyond the conformance cases: several requests on one connection, bad input, additions.
local skynet = require "skynet"
local socket = require "skynet.socket"
local httpd = require "http.httpd"
local httpc = require "http.httpc"
local internal = require "http.internal"
local sockethelper = require "http.sockethelper"
local net = require "net"
local T = require "harness"

-- Answers every request of a connection with its method, url and body. → port, stop, the number of connections
local function web(each)
	local count = { connections = 0, requests = 0 }
	local listener, port = net.serve(function(id)
		count.connections = count.connections + 1
		local read, write = sockethelper.readfunc(id), sockethelper.writefunc(id)
		while true do
			local code, url, method, header, body = httpd.read_request(read, 100000)
			if not code then return end
			count.requests = count.requests + 1
			if code ~= 200 then return httpd.write_response(write, code) end
			if each and each(write, url, header, id) then return end
			if method == "HEAD" then
				httpd.write_response(write, 200, nil, { ["content-length"] = 5 })
			else
				httpd.write_response(write, 200, table.concat({ method, url, body }, "|"))
			end
			if header.connection == "close" then return end
		end
	end)
	return port, function() socket.close(listener) end, count
end

local function answer(id)
	local head = assert(socket.readline(id, "\r\n\r\n"))
	return socket.read(id, tonumber(head:match "content%-length: (%d+)"))
end

T.test("requests that come in one piece are answered one by one", function()
	local port, stop = web()
	local id = assert(socket.open(net.host, port))
	socket.write(id, "GET /1 HTTP/1.1\r\nhost: x\r\n\r\nPOST /2 HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nhost: x\r\n\r\n"
		.. "POST /4 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n\r\nGET /5 HT")
	T.eq({ answer(id), answer(id), answer(id), answer(id) }, { "GET|/1|", "POST|/2|abc", "GET|/3|", "POST|/4|de" })
	socket.write(id, "TP/1.1\r\nhost: x\r\n\r\n")
	T.eq(answer(id), "GET|/5|")
	socket.close(id)
	stop()
end)

T.test("a request without a length has no body, whatever follows it", function()
	local port, stop = web()
	local id = assert(socket.open(net.host, port))
	socket.write(id, "GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n")
	T.eq(answer(id), "GET|/1|")
	T.eq(answer(id), "GET|/2|")
	socket.close(id)
	stop()
end)

T.test("pipelining works over any read function", function()
	local pieces = { "GET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\n\r\n" }
	local function read() return table.remove(pieces, 1) or error "ended" end
	T.eq((select(2, httpd.read_request(read))), "/a")
	T.eq((select(2, httpd.read_request(read))), "/b")
	T.eq(httpd.read_request(read), nil)
end)

T.test("Expect: 100-continue is answered before the body is read", function()
	local port, stop = web()
	local id = assert(socket.open(net.host, port))
	socket.write(id, "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-Continue\r\ncontent-length: 5\r\n\r\n")
	T.eq(socket.readline(id, "\r\n\r\n"), "HTTP/1.1 100 Continue")
	socket.write(id, "hello")
	T.eq(answer(id), "POST|/|hello")
	-- too large a body is refused instead
	socket.write(id, "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 500000\r\n\r\n")
	T.eq(socket.readline(id, "\r\n\r\n"), "HTTP/1.1 413 Request Entity Too Large")
	socket.close(id)
	stop()
end)

T.test("bad lengths are refused", function()
	local function code(length)
		local bytes = "POST / HTTP/1.1\r\ncontent-length: " .. length .. "\r\n\r\n" .. ("x"):rep(100)
		return (httpd.read_request(function() return bytes end))
	end
	for _, length in ipairs { "-1", "1x", "0x10", "1e1", "", "99999999999999999999" } do T.eq(code(length), 400, length) end
	T.eq(code "5\r\ncontent-length: 6", 400)
	T.eq(code "5\r\ncontent-length: 5", 200)
end)

T.test("a line break in a response's header is refused, nothing is written", function()
	local written = 0
	local function write() written = written + 1 end
	for _, header in ipairs { { a = "b\r\nset-cookie: x" }, { ["a\nb"] = "c" }, { a = { "ok", "x\ny" } } } do
		local ok, err = httpd.write_response(write, 200, "body", header)
		T.eq(ok, false)
		T.eq(type(err), "string")
	end
	T.eq(written, 0)
end)

T.test("a line break in a request's header is refused", function()
	local port, stop = web()
	local host = net.host .. ":" .. port
	T.eq(pcall(httpc.get, host, "/", nil, { a = "b\r\nc: d" }), false)
	T.eq(pcall(httpc.get, host, "/ HTTP/1.1\r\nx: y\r\n"), false)
	stop()
end)

T.test("a response with a text is one write", function()
	local writes = {}
	httpd.write_response(function(s) writes[#writes + 1] = s end, 200, "hi", { a = "b" })
	T.eq(writes, { "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\n\r\nhi" })
end)

T.test("the status of a response may be a text, but not nothing", function()
	local bytes
	T.eq(httpd.write_response(function(s) bytes = s end, "404", "no"), true)
	T.eq(bytes, "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno")
	local ok, err = httpd.write_response(print, nil, "no")
	T.ok(not ok and err:find("a number, not nil", 1, true), err)
end)

T.test("heads, chunks and trailers without an end are cut off", function()
	local function endless(start, more)
		local first, n = start, 0
		return function()
			if first then
				local bytes = first
				first = nil
				return bytes
			end
			n = n + #more
			assert(n < 100000, "the reader asks for more and more")
			return more
		end
	end
	T.eq((httpd.read_request(endless("GET / HTTP/1.1\r\n", "a: b\r\n"))), 413)
	T.eq((httpd.read_request(endless("GET / HTTP/1.1\r\n", "x"))), 413)
	T.eq((httpd.read_request(endless("\r\n", "\r\n"))), 413)
	local chunked = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
	T.eq((httpd.read_request(endless(chunked, "1"))), 413)
	T.eq((httpd.read_request(endless(chunked .. "0\r\n", "a: b\r\n"))), 413)
	T.eq((httpd.read_request(endless(chunked .. "0\r\n", "a"))), 413)
end)

T.test("random bytes give a code, or nil and an error, and end", function()
	local random = T.random(11)
	local words = { "GET", " ", "/", "HTTP/1.1", "\r\n", "\r\n\r\n", "content-length:", "transfer-encoding: chunked", "5", "0",
		"a:b", "\t", "\0", "x", ":", "\n" }
	for _ = 1, 500 do
		local pieces = {}
		for i = 1, random(30) do pieces[i] = words[random(#words)] end
		if random(2) == 1 then table.insert(pieces, 1, "POST / HTTP/1.1\r\n") end
		local function read() return table.remove(pieces, 1) or error "ended" end
		local code, err = httpd.read_request(read, 1000)
		T.ok(code or err)
	end
end)

-- ---- httpc ------------------------------------------------------------------------------------

T.test("the connection error keeps its text", function()
	local listener, _, port = socket.listen(net.host, 0)
	socket.close(listener)
	local ok, err = pcall(httpc.get, net.host .. ":" .. port, "/")
	T.eq(ok, false)
	T.ok(err == sockethelper.socket_error)
	T.ok(err ~= {})
	local text = tostring(err)
	T.ok(text:find("[Socket Error] : connect failed host = 127.0.0.1 port = " .. port, 1, true), text)
	pcall(httpc.get, net.host .. ":" .. port, "/")
	T.eq(tostring(err), text)
	T.eq(tostring(sockethelper.socket_error), "[Socket Error]")
end)

T.test("a connection is kept for the next request when asked for", function()
	local port, stop, count = web()
	local host = net.host .. ":" .. port
	httpc.keepalive = 1000
	for i = 1, 5 do T.eq({ httpc.get(host, "/" .. i) }, { 200, "GET|/" .. i .. "|" }) end
	T.eq({ httpc.request("POST", host, "/p", nil, nil, "body") }, { 200, "POST|/p|body" })
	T.eq(count, { connections = 1, requests = 6 })
	T.eq({ httpc.get(host, "/c", nil, { connection = "close" }) }, { 200, "GET|/c|" })
	T.eq(count.connections, 1)
	T.eq((httpc.get(host, "/after")), 200)
	T.eq(count.connections, 2)
	httpc.keepalive = nil
	T.eq((httpc.get(host, "/alone")), 200)
	T.eq(count.connections, 3)
	stop()
end)

T.test("requests at once have connections of their own, of which some are kept", function()
	local port, stop, count = web(function(write) skynet.sleep(3) end)
	local host = net.host .. ":" .. port
	httpc.keepalive, httpc.keepalive_max = 1000, 2
	local waits = {}
	for i = 1, 4 do waits[i] = net.async(httpc.get, host, "/" .. i) end
	for i = 1, 4 do T.eq((waits[i]()), 200) end
	T.eq(count.connections, 4)
	for i = 1, 2 do waits[i] = net.async(httpc.get, host, "/" .. i) end
	for i = 1, 2 do T.eq((waits[i]()), 200) end
	T.eq(count.connections, 4)
	httpc.keepalive, httpc.keepalive_max = nil, 8
	stop()
end)

T.test("a kept connection that died is replaced without an error", function()
	local last
	local port, stop, count = web(function(_, url, _, id)
		last = id
		return url == "/die"
	end)
	local host = net.host .. ":" .. port
	httpc.keepalive = 1000
	T.eq((httpc.get(host, "/1")), 200)
	-- closed while it was kept
	socket.shutdown(last)
	T.eventually(function() return socket.disconnected(last) ~= false end)
	T.eq((httpc.get(host, "/2")), 200)
	-- closed when the request has come: an error, as on any connection
	T.eq(pcall(httpc.get, host, "/die"), false)
	T.eq((httpc.get(host, "/3")), 200)
	httpc.keepalive = nil
	stop()
end)

T.test("a connection that is kept too long is closed", function()
	local last
	local port, stop = web(function(_, _, _, id) last = id end)
	httpc.keepalive = 20
	local began = skynet.now()
	T.eq((httpc.get(net.host .. ":" .. port, "/")), 200)
	T.eventually(function() return socket.disconnected(last) ~= false end, 500)
	T.within(skynet.now() - began, 19, 500)
	httpc.keepalive = nil
	stop()
end)

T.test("a response that is followed by more than was asked for is not kept", function()
	local connections = 0
	local listener, port = net.serve(function(id)
		connections = connections + 1
		while socket.readline(id, "\r\n\r\n") do
			socket.write(id, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
		end
	end)
	httpc.keepalive = 1000
	T.eq({ httpc.get(net.host .. ":" .. port, "/1") }, { 200, "ok" })
	T.eq({ httpc.get(net.host .. ":" .. port, "/2") }, { 200, "ok" })
	T.eq(connections, 2)
	httpc.keepalive = nil
	socket.close(listener)
end)

T.test("a stream may be given a time limit for its reads", function()
	local listener, port = net.serve(function(id)
		socket.readline(id, "\r\n\r\n")
		socket.write(id, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin")
		socket.read(id)
	end)
	local stream = httpc.request_stream("GET", net.host .. ":" .. port, "/")
	stream.timeout = 20
	T.eq(stream:padding(), "begin")
	local began = skynet.now()
	local err = T.raises("[Socket Error]", stream.padding, stream)
	T.ok(err == sockethelper.socket_error)
	T.within(skynet.now() - began, 15, 1000)
	T.eq(stream.connected, false)
	socket.close(listener)
end)

T.test("a stream that is left early and forgotten is closed", function()
	local before = net.count "TCP"
	local ended
	local listener, port = net.serve(function(id)
		socket.readline(id, "\r\n\r\n")
		socket.write(id, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin")
		socket.read(id)
		ended = true
	end)
	do
		local stream = httpc.request_stream("GET", net.host .. ":" .. port, "/")
		T.eq(stream:padding(), "begin")
	end
	T.eventually(function()
		collectgarbage()
		-- fewer: those of the test before have gone only now
		return ended and net.count "TCP" <= before
	end)
	socket.close(listener)
end)

T.test("an answer in pieces of one byte is read, one without an end is limited", function()
	local listener, port = net.serve(function(id)
		local request = socket.readline(id, "\r\n\r\n")
		if request:find "/endless" then
			for _ = 1, 100 do socket.write(id, ("x"):rep(1000)) end
			return
		end
		for c in ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"):gmatch "." do
			socket.write(id, c)
			skynet.yield()
		end
	end)
	T.eq({ httpc.get(net.host .. ":" .. port, "/") }, { 200, "abc" })
	T.eq(pcall(httpc.get, net.host .. ":" .. port, "/endless"), false)
	socket.close(listener)
end)

T.test("bytes given to readfunc are read once", function()
	local a, b = net.pair()
	socket.write(a, "defgh")
	socket.block(b)
	local read = sockethelper.readfunc(b, "abc")
	T.eq({ read(2), read(2), read(2), read(2) }, { "ab", "cd", "ef", "gh" })
	socket.close(a)
	T.ok(T.raises(nil, read) == sockethelper.socket_error)
	socket.close(b)
end)

T.test("interim bytes of internal functions stay where they belong", function()
	local function read() error "ended" end
	local body, header, rest = internal.recvchunkedbody(read, 10, {}, "3\r\nabc\r\n0\r\nx: y\r\n\r\nrest")
	T.eq({ body, header, rest }, { "abc", { x = "y" }, "rest" })
end)

T.run(2000)
