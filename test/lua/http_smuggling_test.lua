-- A server must never see a second request where a proxy in front of it sees the body of the first (RFC 9112, 11.2).
local skynet = require "skynet"
local socket = require "skynet.socket"
local httpd = require "http.httpd"
local sockethelper = require "http.sockethelper"
local net = require "net"
local T = require "harness"

-- The loop of docs/http.md.
local function serve(id)
	local read, write = sockethelper.readfunc(id), sockethelper.writefunc(id)
	while true do
		local code, url, _, header, body = httpd.read_request(read, 65536)
		if not code then return end
		if code ~= 200 then return httpd.write_response(write, code) end
		httpd.write_response(write, 200, url .. " " .. body)
		if header.connection == "close" then return end
	end
end

local listener, port
T.test("the server", function() listener, port = net.serve(serve) end)

-- Sends bytes, or pieces of them with a pause after each. → statuses, and whether the hidden request was answered
local function ask(bytes)
	local id = assert(socket.open(net.host, port))
	for _, piece in ipairs(type(bytes) == "table" and bytes or { bytes }) do
		socket.write(id, piece)
		skynet.sleep(type(bytes) == "table" and 3 or 0)
	end
	skynet.timeout(300, function() socket.shutdown(id) end)
	local all = socket.readall(id) or ""
	socket.close(id)
	local codes = {}
	for code in all:gmatch "HTTP/1.1 (%d+)" do codes[#codes + 1] = code end
	return table.concat(codes, " "), all:find("/hidden", 1, true) ~= nil
end

local HIDDEN = "GET /hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
local START = "POST /a HTTP/1.1\r\n"
local HOST = START .. "Host: x\r\n"
local LENGTH = "Content-Length: " .. #HIDDEN .. "\r\n"
local CHUNKED = "Transfer-Encoding: chunked\r\n"

local REFUSED = {
	["a blank before the colon"] = HOST .. "Content-Length : " .. #HIDDEN .. "\r\n\r\n",
	["a tab before the colon"] = HOST .. "Content-Length\t: " .. #HIDDEN .. "\r\n\r\n",
	["a name with a blank"] = HOST .. "Content Length: 5\r\n\r\n",
	["no name"] = HOST .. ": x\r\n\r\n",
	["a name in quotes"] = HOST .. "\"Content-Length\": 5\r\n\r\n",
	["a name with a byte above 127"] = HOST .. "Content\194\160Length: 5\r\n\r\n",
	["a line folded with a blank"] = HOST .. "X: a\r\n " .. LENGTH .. "\r\n",
	["a line folded with a tab"] = HOST .. "X: a\r\n\t" .. LENGTH .. "\r\n",
	["a folded first line"] = START .. " Host: x\r\n" .. LENGTH .. "\r\n",
	["a folded length"] = HOST .. "Content-Length: 1\r\n\t0\r\n\r\n",
	["a folded coding"] = HOST .. "Transfer-Encoding: chu\r\n\tnked\r\n\r\n0\r\n\r\n",
	["a folded host"] = START .. "Host: x\r\n\ty\r\n\r\n",
	["a length and a coding"] = HOST .. LENGTH .. CHUNKED .. "\r\n0\r\n\r\n",
	["a coding and a length"] = HOST .. CHUNKED .. LENGTH .. "\r\n0\r\n\r\n",
	["a length and identity"] = HOST .. LENGTH .. "Transfer-Encoding: identity\r\n\r\n",
	["identity"] = HOST .. "Transfer-Encoding: identity\r\n\r\n",
	["chunked twice"] = HOST .. CHUNKED .. CHUNKED .. "\r\n0\r\n\r\n",
	["chunked twice in a line"] = HOST .. "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
	["chunked before another"] = HOST .. "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
	["chunked and identity"] = HOST .. CHUNKED .. "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
	["identity, chunked"] = HOST .. "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
	["an empty coding"] = HOST .. "Transfer-Encoding:\r\n" .. LENGTH .. "\r\n",
	["an empty part of the codings"] = HOST .. "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
	["a coding in quotes"] = HOST .. "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
	["a coding with a control character"] = HOST .. "Transfer-Encoding: \11chunked\r\n\r\n0\r\n\r\n",
	["a coding of HTTP/1.0"] = "POST /a HTTP/1.0\r\nHost: x\r\n" .. CHUNKED .. "\r\n0\r\n\r\n",
	["a coding that nobody knows with a length"] = HOST .. LENGTH .. "Transfer-Encoding: x\r\n\r\n",
	["two lengths"] = HOST .. "Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
	["two lengths in a line"] = HOST .. "Content-Length: 5, 5\r\n\r\n12345",
	["a length with a sign"] = HOST .. "Content-Length: +5\r\n\r\n12345",
	["a negative length"] = HOST .. "Content-Length: -5\r\n\r\n12345",
	["a length in hex"] = HOST .. "Content-Length: 0x5\r\n\r\n12345",
	["an empty length"] = HOST .. "Content-Length:\r\n\r\n",
	["a length with a vertical tab"] = HOST .. "Content-Length: 5\11\r\n\r\n12345",
	["a length with a form feed"] = HOST .. "Content-Length: \0125\r\n\r\n12345",
	["a length beyond all numbers"] = HOST .. "Content-Length: 18446744073709551621\r\n\r\n12345",
	["a zero byte"] = HOST .. "X: a\0b\r\n\r\n",
	["a bare line feed"] = HOST .. "X: a\n" .. LENGTH .. "\r\n",
	["a bare carriage return"] = HOST .. "X: a\r" .. LENGTH .. "\r\n",
	["a line without a colon"] = HOST .. "nonsense\r\n\r\n",
	["no host"] = START .. "Content-Length: 0\r\n\r\n",
	["two hosts"] = HOST .. "Host: y\r\n\r\n",
	["two hosts that are the same"] = HOST .. "Host: x\r\n\r\n",
	["two hosts of HTTP/1.0"] = "GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
	["a host with a blank"] = START .. "Host: x y\r\n\r\n",
	["a host with a path"] = START .. "Host: x/y\r\n\r\n",
	["a host with a user"] = START .. "Host: u@x\r\n\r\n",
	["a line feed in the request line"] = "GET / HTTP/1.1\nHost: x\r\n\r\n",
	["a control character in the url"] = "GET /\1 HTTP/1.1\r\nHost: x\r\n\r\n",
	["a blank in the url"] = "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
	["two blanks in the request line"] = "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
	["a tab in the request line"] = "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
	["no url"] = "GET  HTTP/1.1\r\nHost: x\r\n\r\n",
	["a version of one digit"] = "GET / HTTP/1\r\nHost: x\r\n\r\n",
	["a version of three digits"] = "GET / HTTP/1.10\r\nHost: x\r\n\r\n",
	["a version with a zero in front"] = "GET / HTTP/01.1\r\nHost: x\r\n\r\n",
	["a line feed in front"] = "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
}

for name, bytes in pairs(REFUSED) do
	T.test("refused, and nothing after it: " .. name, function()
		local codes, answered = ask(bytes .. HIDDEN)
		T.eq({ codes, answered }, { "400", false })
	end)
end

-- What spec and peers know by another status.
for name, case in pairs {
	["a length in the trailer"] = { "413", HOST .. CHUNKED .. "\r\n0\r\nContent-Length: 5\r\n\r\n" },
	["a chunk with a bare line feed"] = { "413", HOST .. CHUNKED .. "\r\n1\na\r\n0\r\n\r\n" },
	["a chunk that is longer than it says"] = { "413", HOST .. CHUNKED .. "\r\n1\r\nab\r\n0\r\n\r\n" },
	["a chunk size with a sign"] = { "413", HOST .. CHUNKED .. "\r\n+1\r\na\r\n0\r\n\r\n" },
	["a chunk size beyond all numbers"] = { "413", HOST .. CHUNKED .. "\r\n10000000000000001\r\na\r\n0\r\n\r\n" },
	["a line feed in a chunk extension"] = { "413", HOST .. CHUNKED .. "\r\n1;a=\"\n\"\r\na\r\n0\r\n\r\n" },
	["a coding that nobody knows"] = { "501", HOST .. "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" },
	["another version"] = { "505", "GET / HTTP/1.2\r\nHost: x\r\n\r\n" },
	["no version"] = { "", "GET /\r\nHost: x\r\n\r\n" },
} do
	T.test("refused, and nothing after it: " .. name, function()
		local codes, answered = ask(case[2] .. HIDDEN)
		T.eq({ codes, answered }, { case[1], false })
	end)
end

for name, bytes in pairs {
	["a length"] = HOST .. LENGTH .. "\r\n" .. HIDDEN,
	["a length with blanks around"] = HOST .. "content-length: \t" .. #HIDDEN .. " \t\r\n\r\n" .. HIDDEN,
	["the same length twice"] = HOST .. LENGTH .. LENGTH .. "\r\n" .. HIDDEN,
	["chunks"] = HOST .. ("transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"):format(#HIDDEN, HIDDEN),
	["chunks in capitals, with extensions"] = HOST .. ("TRANSFER-ENCODING: Chunked \r\n\r\n%x ;a = \"\\\"b\" ; c\r\n%s\r\n0;d\r\nx: y\r\n\r\n")
		:format(#HIDDEN, HIDDEN),
} do
	T.test("a request in a body is a body: " .. name, function()
		local id = assert(socket.open(net.host, port))
		socket.write(id, bytes .. "GET /next HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n")
		local all = socket.readall(id)
		socket.close(id)
		T.eq(select(2, all:gsub("HTTP/1.1 200", "")), 2)
		T.ok(all:find("/a " .. HIDDEN, 1, true), all)
		T.ok(all:find("\r\n/next ", 1, true), all)
	end)
end

T.test("a request without a host is the last of its connection, however late the next one comes", function()
	local codes, answered = ask { START .. "Content-Length: 0\r\n\r\n", HIDDEN }
	T.eq({ codes, answered }, { "200 400", false })
end)

T.test("a request without a host is not taken after another one", function()
	local codes, answered = ask { HOST .. "Content-Length: 0\r\n\r\n", "GET /hidden HTTP/1.1\r\n\r\n" }
	T.eq({ codes, answered }, { "200 400", false })
end)

T.test("a request of HTTP/1.0 needs no host", function()
	T.eq((ask("GET / HTTP/1.0\r\n\r\n" .. HIDDEN)), "200 200")
end)

T.test("a body is not written where none may be, nor a length twice", function()
	local function written(...)
		local parts = {}
		T.eq(httpd.write_response(function(bytes) parts[#parts + 1] = bytes end, ...), true)
		return table.concat(parts)
	end
	T.eq(written(200, "abc", { ["Content-Length"] = 3 }), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
	T.eq(written(200, "", { ["Content-Length"] = 3 }), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "an answer to HEAD")
	local ok, err = httpd.write_response(error, 200, "abc", { ["content-length"] = 4 })
	T.eq(ok, false)
	T.ok(err:find("content-length is 4, the content has 3 bytes", 1, true), err)
	T.eq(httpd.write_response(error, 200, function() end, { ["content-length"] = 4 }), false)
	T.eq(written(204, "abc"), "HTTP/1.1 204 No Content\r\n\r\n")
	T.eq(written(304, "abc"), "HTTP/1.1 304 Not Modified\r\n\r\n")
end)

T.test("end", function() socket.close(listener) end)

T.run(3000)
