-- httpc.keepalive: whatever a server does to the connection, a request gets the answer to itself.
local skynet = require "skynet"
local socket = require "skynet.socket"
local httpc = require "http.httpc"
local net = require "net"
local T = require "harness"

-- A server that answers each request by script(write, path, n), n being the number of the connection. Without a
-- script, and after it, it answers with the path and the connection's number. → host, stop, the counts of connections
-- and of scripts that have ended
local function scripted(script)
	local count = { connections = 0, scripts = 0 }
	local listener, port = net.serve(function(id)
		count.connections = count.connections + 1
		local n = count.connections
		local function write(...) socket.write(id, table.concat { ... }) end
		while true do
			local head = socket.readline(id, "\r\n\r\n")
			if not head then return end
			local path = head:match "^%u+ (%S+)"
			local length = tonumber(head:lower():match "content%-length:%s*(%d+)" or 0)
			if not head:find "Early" and length > 0 and not socket.read(id, length) then return end
			if path:find "^/odd" then
				local what = script(write, path, n, id)
				count.scripts = count.scripts + 1
				if what == "close" then return end
			else
				local text = "answer to " .. path .. " on " .. n
				write("HTTP/1.1 200 OK\r\ncontent-length: ", #text, "\r\n\r\n", text)
			end
		end
	end)
	return net.host .. ":" .. port, function() socket.close(listener) end, count
end

local STOLEN = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen"

-- name; what the server sends, a text, or texts with a pause after each; whether the connection may be used again
-- afterwards; the answer (nil: an error); the method and the header of the request
local CASES = {
	{ "plain", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true, "ok" },
	{ "100 first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true, "ok" },
	{ "102 and 103, later", { "HTTP/1.1 102 P\r\n\r\n", "HTTP/1.1 103 E\r\nlink: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" }, true, "ok" },
	{ "interim, unknown, with a length", "HTTP/1.1 199 X\r\ncontent-length: 5\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true, "ok" },
	{ "chunked", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true, "ok" },
	{ "chunked with a trailer", "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2;x=\"y\"\r\nok\r\n0\r\nx: y\r\n\r\n", true, "ok" },
	{ "an answer to nobody behind it", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" .. STOLEN, false, "ok" },
	{ "an answer to nobody a moment later", { "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", STOLEN }, false, "ok" },
	{ "longer than its length", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokay", false, "ok" },
	{ "longer than its chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" .. STOLEN, false, "ok" },
	{ "an empty line behind it", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\r\n", false, "ok" },
	{ "204", "HTTP/1.1 204 No\r\n\r\n", true, "" },
	{ "204 with a body", "HTTP/1.1 204 No\r\ncontent-length: 69\r\n\r\n" .. STOLEN, false, "" },
	{ "204 with a body later", { "HTTP/1.1 204 No\r\ncontent-length: 69\r\n\r\n", STOLEN }, false, "" },
	{ "304", "HTTP/1.1 304 Not\r\n\r\n", true, "" },
	{ "304 with chunks", { "HTTP/1.1 304 Not\r\ntransfer-encoding: chunked\r\n\r\n", "0\r\n\r\n" .. STOLEN }, false, "" },
	{ "304 with a length", "HTTP/1.1 304 Not\r\ncontent-length: 5\r\n\r\n", false, "" },
	{ "HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true, "", "HEAD" },
	{ "HEAD after 103", "HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", true, "", "HEAD" },
	{ "HEAD that announces a body", "HTTP/1.1 200 OK\r\ncontent-length: 69\r\n\r\n", false, "", "HEAD" },
	{ "HEAD with a body", { "HTTP/1.1 200 OK\r\ncontent-length: 69\r\n\r\n", STOLEN }, false, "", "HEAD" },
	{ "101 that nobody asked for", "HTTP/1.1 101 S\r\n\r\n" .. STOLEN, false, "" },
	{ "CONNECT", { "HTTP/1.1 200 OK\r\n\r\n", STOLEN }, false, "", "CONNECT" },
	{ "the answer says close", "HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nok", false, "ok" },
	{ "the answer says close in a second line", "HTTP/1.1 200 OK\r\nconnection: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", false, "ok" },
	{ "HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", false, "ok" },
	{ "HTTP/1.0 that keeps alive", "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nok", true, "ok" },
	{ "chunks of HTTP/1.0", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false, "ok" },
	{ "the request says close", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", false, "ok", "GET", { connection = "close" } },
	{ "the request says Close in a list", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", false, "ok", "GET", { CONNECTION = "foo , Close" } },
	{ "the request says close in a table", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", false, "ok", "GET", { Connection = { "a", "close" } } },
	{ "a length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false },
	{ "two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 69\r\n\r\nok" .. STOLEN, false },
	{ "a length with a sign", "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok", false },
	{ "a coding that nobody knows", "HTTP/1.1 200 OK\r\ntransfer-encoding: x\r\n\r\nok", false },
	{ "chunked twice", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false },
	{ "a folded coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: chu\r\n\tnked\r\n\r\n0\r\n\r\n", false },
	{ "a blank before the colon", "HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nok", false },
	{ "a control character", "HTTP/1.1 200 OK\r\ncontent-length: 2\11\r\n\r\nok", false },
	{ "a status line of two", "HTTP/1.1 200 O\nK\r\ncontent-length: 2\r\n\r\nok", false },
	{ "a status of two digits", "HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok", false },
	{ "an empty line in front", "\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", false },
	{ "a chunk that is longer than it says", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\noka\r\n0\r\n\r\n", false },
	{ "a length in the trailer", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\ncontent-length: 1\r\n\r\n", false },
}

local function send(write, what)
	if type(what) == "string" then return write(what) end
	for _, text in ipairs(what) do
		write(text)
		skynet.sleep(2)
	end
end

for _, case in ipairs(CASES) do
	local name, what, again, body, method, header = case[1], case[2], case[3], case[4], case[5] or "GET", case[6]
	T.test("kept connections: " .. name, function()
		local host, stop, count = scripted(function(write) send(write, what) end)
		httpc.keepalive = 1000
		T.eq({ httpc.get(host, "/first") }, { 200, "answer to /first on 1" })
		local ok, code, got = pcall(httpc.request, method, host, "/odd", nil, header)
		T.eq(ok and got or nil, body, tostring(code))
		T.eventually(function() return count.scripts == 1 end)
		net.settle() -- what came later has come then
		T.eq(count.connections, 1)
		local on = again and 1 or 2
		for _, path in ipairs { "/a", "/b" } do
			T.eq({ httpc.get(host, path) }, { 200, ("answer to %s on %d"):format(path, on) })
		end
		httpc.keepalive = nil
		stop()
	end)

	T.test("streams: " .. name, function()
		local host, stop = scripted(function(write) send(write, what) return "close" end)
		local ok, got = pcall(function()
			local parts = {}
			local stream = httpc.request_stream(method, host, "/odd", nil, header)
			for part in stream do parts[#parts + 1] = part end
			T.eq(stream.connected, nil)
			return table.concat(parts)
		end)
		T.eq(ok and got or nil, body, tostring(got))
		stop()
	end)
end

T.test("the fields of an interim answer are not those of the answer", function()
	local host, stop = scripted(function(write)
		write "HTTP/1.1 103 Early\r\nx: interim\r\nlink: y\r\n\r\nHTTP/1.1 200 OK\r\nx: final\r\ncontent-length: 0\r\n\r\n"
	end)
	local header = {}
	T.eq({ httpc.get(host, "/odd", header) }, { 200, "" })
	T.eq(header, { x = "final", ["content-length"] = "0" })
	stop()
end)

T.test("interim answers without an end are an error", function()
	local host, stop = scripted(function(write)
		write(("HTTP/1.1 100 Continue\r\n\r\n"):rep(2000))
		return "close"
	end)
	T.raises("without an end", httpc.get, host, "/odd")
	stop()
end)

T.test("an answer that came before its request does not go to the next one", function()
	local connections, answers = 0, 0
	local listener, port = net.serve(function(id)
		connections = connections + 1
		if connections == 1 then socket.write(id, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly") end
		while true do
			local head = socket.readline(id, "\r\n\r\n")
			if not head then return end
			local path = head:match "^%u+ (%S+)"
			socket.write(id, "HTTP/1.1 200 OK\r\ncontent-length: " .. #path .. "\r\n\r\n" .. path)
			answers = answers + 1
		end
	end)
	local host = net.host .. ":" .. port
	httpc.keepalive = 1000
	local first = select(2, httpc.get(host, "/1"))
	T.ok(first == "early" or first == "/1", first)
	T.eventually(function() return answers == 1 end) -- the server has answered the first as well
	net.settle()
	for _, path in ipairs { "/2", "/3" } do T.eq({ httpc.get(host, path) }, { 200, path }) end
	T.eq(connections, 2)
	httpc.keepalive = nil
	socket.close(listener)
end)

T.test("a server that answers without reading the content is asked no more on that connection", function()
	local connections = 0
	local listener, port = net.serve(function(id)
		connections = connections + 1
		socket.readline(id, "\r\n\r\n")
		socket.pause(id)
		socket.write(id, "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
		skynet.sleep(1000)
	end)
	local host = net.host .. ":" .. port
	httpc.keepalive = 1000
	for n = 1, 2 do
		T.eq((httpc.request("POST", host, "/", nil, nil, ("x"):rep(32 * 1024 * 1024))), 413)
		T.eq(connections, n)
	end
	httpc.keepalive = nil
	socket.close(listener)
end)

T.test("a request that ran out of time leaves nothing to the next", function()
	local host, stop, count = scripted(function(write, path)
		skynet.sleep(150)
		write("HTTP/1.1 200 OK\r\ncontent-length: ", #path, "\r\n\r\n", path)
	end)
	httpc.keepalive, httpc.timeout = 1000, 100
	T.eq((httpc.get(host, "/first")), 200)
	T.eq(pcall(httpc.get, host, "/odd"), false)
	T.eq({ httpc.get(host, "/next") }, { 200, "answer to /next on " .. count.connections })
	T.ok(count.connections >= 2)
	httpc.keepalive, httpc.timeout = nil, nil
	stop()
end)

T.test("a caller that raises in the middle of a stream harms no kept connection", function()
	local host, stop, count = scripted(function(write)
		write "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin"
	end)
	httpc.keepalive = 1000
	T.eq((httpc.get(host, "/first")), 200)
	T.raises("enough", function()
		for _ in httpc.request_stream("GET", host, "/odd") do error "enough" end
	end)
	T.eq({ httpc.get(host, "/next") }, { 200, "answer to /next on 1" })
	T.eq(count.connections, 2)
	httpc.keepalive = nil
	stop()
end)

T.test("a request's length is written once, and must be that of the content", function()
	local got
	local listener, port = net.serve(function(id)
		got = socket.readline(id, "\r\n\r\n")
		socket.write(id, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
	end)
	local host = net.host .. ":" .. port
	T.eq((httpc.request("POST", host, "/", nil, { ["Content-Length"] = 2, HOST = "x" }, "ab")), 200)
	T.eq(select(2, got:lower():gsub("content%-length", "")), 1)
	T.eq(select(2, got:lower():gsub("\nhost:", "")), 1)
	T.eq((httpc.request("POST", host, "/", nil, { ["Transfer-Encoding"] = "Chunked" }, "0\r\n\r\n")), 200)
	T.eq(got:lower():find("content-length", 1, true), nil)
	for _, header in ipairs { { ["content-length"] = 3 }, { ["Content-Length"] = "02x" },
		{ ["content-length"] = 2, ["transfer-encoding"] = "chunked" }, { ["a b"] = "c" }, { a = "b\0" } } do
		T.eq(pcall(httpc.request, "POST", host, "/", nil, header, "ab"), false)
	end
	socket.close(listener)
end)

T.run(3000)
