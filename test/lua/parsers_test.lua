-- The native modules below http.*, http.websocket and the gates, as Lua sees them: what they give, and what they
-- refuse. What they parse is tested in test/unit.
local parser = require "skynet.http.parser"
local codec = require "skynet.websocket.codec"
local netpack = require "skynet.netpack"
local driver = require "skynet.socketdriver"
local T = require "harness"

local GET = "GET /a?b HTTP/1.1\r\nHost: here\r\nX-Two: 1\r\nx-two:2\r\n\tmore\r\nX-TWO: 3\r\n\r\n"

-- A block of one byte, for calls that refuse it.
local function with_block(f)
	local block, size = driver.str2p "x"
	f(block)
	driver.drop(block, size)
end

T.test("a request head gives its parts and where it ends", function()
	local method, url, version, header, next = parser.request(GET .. "body", nil, nil, true)
	T.eq({ method, url, version, header }, { "GET", "/a?b", 1.1, { host = "here", ["x-two"] = { "1", "2more", "3" } } })
	T.eq(next, #GET + 1)
end)

T.test("a limit counts the whole head", function()
	T.eq((parser.request(GET, #GET)), "GET")
	T.eq({ parser.request(GET:sub(1, -2)) }, {}, "incomplete")
	T.eq({ parser.request(GET, #GET - 1) }, { false, "limit" })
	T.eq({ parser.request(("x"):rep(100), 100) }, { false, "limit" })
	T.eq((parser.request(("x"):rep(99), 100)), nil)
	T.eq({ parser.request("", 0) }, { false, "limit" })
end)

T.test("a header table of the caller is filled", function()
	local mine = { old = "1", host = "before" }
	local _, _, _, header = parser.request(GET, nil, mine, true)
	T.eq(header == mine, true)
	T.eq({ mine.old, mine.host }, { "1", { "before", "here" } })
end)

T.test("bad lines", function()
	T.eq({ parser.request "GET /\r\n\r\n" }, { false, "line" })
	T.eq({ parser.request "\r\n" }, { false, "line" })
	T.eq({ parser.request "GET /\1 HTTP/1.1\r\n\r\n" }, { false, "control" })
	T.eq((select(4, parser.request "GET /a b HTTP/1.1\r\n\r\n")), nil)
	T.eq((select(4, parser.request "GET / HTTP/1.1\r\na: b\r\n\tc\r\n\r\n")), nil, "folded")
	T.eq((select(4, parser.request("GET / HTTP/1.1\r\nhost: b\r\n\tc\r\n\r\n", nil, nil, true))), nil, "of the framing")
	T.eq((select(4, parser.request "GET / HTTP/1.1\r\nnone\r\n\r\n")), nil)
	T.eq((select(4, parser.request "GET / HTTP/1.1\r\na: b\nc: d\r\n\r\n")), nil)
	T.eq({ parser.response "HTTP/1.1 OK\r\n\r\n" }, { false, "line" })
end)

T.test("a response head", function()
	T.eq({ parser.response "HTTP/1.0 404 Not Found\r\nA:b\r\n\r\n" }, { 404, "Not Found", 1.0, { a = "b" }, 32 })
	T.eq((select(2, parser.response "HTTP/1.1 200\r\n\r\n")), "")
end)

T.test("fields of a trailer", function()
	T.eq({ parser.fields("0\r\nA: b\r\n\r\nx", 4, { c = "d" }) }, { { a = "b", c = "d" }, 12 })
	T.eq({ parser.fields("\r\n", 1, {}) }, { {}, 3 })
	T.eq((parser.fields("A: b\r\n", 1, {})), nil)
	T.eq({ parser.fields("A\r\n\r\n", 1, {}) }, { false, "field" })
	T.eq({ parser.fields("Host: a\r\n\r\n", 1, {}) }, { false, "field" }, "not in a trailer")
	T.eq({ parser.fields("A: b\r\n\r\n", 1, {}, 5) }, { false, "limit" })
	T.eq((parser.fields("A: b", 100, {})), nil)
	T.raises("a position", parser.fields, "A: b", 0, {})
end)

T.test("chunk sizes", function()
	T.eq({ parser.chunk_size("xx1aF\r\n", 3) }, { 431, 8 })
	T.eq((parser.chunk_size("1a", 1)), nil)
	T.eq((parser.chunk_size("g\r\n", 1)), false)
	T.eq((parser.chunk_size("5;a\r\n", 1)), false)
	T.eq({ parser.chunk_size('5 ;a="\\"" \r\nhello', 1, true) }, { 5, 13 })
end)

T.test("heads that are written", function()
	T.eq(parser.format_response(200, { a = "b" }, "hi"), "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\n\r\nhi")
	T.eq(parser.format_response(7), "HTTP/1.1 007 \r\n\r\n")
	T.eq(parser.format_response(200, { n = 5, b = true }, true):find("b: true\r\n", 1, true) ~= nil, true)
	T.eq(parser.format_request("GET", "/", nil, nil, "h:1"), "GET / HTTP/1.1\r\nhost:h:1\r\nContent-length:0\r\n\r\n")
	local large = ("x"):rep(5000)
	T.eq(parser.format_request("PUT", "/", { a = { large, 2 } }, large),
		"PUT / HTTP/1.1\r\na:" .. large .. "\r\na:2\r\nContent-length:5000\r\n\r\n" .. large)
	for _, bad in ipairs { "x\r\ny", "x\ny", "x\0y" } do
		T.raises("line break", parser.format_response, 200, { a = bad })
		T.raises("line break", parser.format_response, 200, { [bad] = "a" })
		T.raises("line break", parser.format_response, 200, { a = { "good", bad } })
		T.raises("line break", parser.format_request, bad, "/")
		T.raises("line break", parser.format_request, "GET", bad)
		T.raises("line break", parser.format_request, "GET", "/", nil, nil, bad)
	end
	for _, name in ipairs { "", "a b", "a:", " a", "\228" } do T.raises("no token", parser.format_response, 200, { [name] = "b" }) end
	for _, method in ipairs { "", "GET / HTTP/1.1", "GET " } do T.raises("no token", parser.format_request, method, "/") end
	T.raises("three digits", parser.format_response, 1000)
	T.raises("string expected", parser.format_response, 200, nil, 12)
	T.raises("table expected", parser.format_response, 200, "a")
	T.raises(nil, parser.format_response, "x")
end)

T.test("frames are strings or blocks", function()
	T.eq(codec.frame(codec.PING), "\137\0")
	T.raises("four bits", codec.frame, 16, "")
	T.raises("four bits", codec.frame, -1, "")
	T.raises("string expected", codec.frame, 1, {})
	local block, size = codec.pack(codec.BINARY, ("x"):rep(65536), 1)
	T.eq(size, 14 + 65536)
	driver.drop(block, size)
end)

T.test("a decoder takes strings and blocks in pieces", function()
	local bytes = codec.frame(codec.TEXT, ("text"):rep(1000), 99) .. codec.frame(codec.CLOSE, "\3\232")
	for _, piece in ipairs { 1, 7, 1000, #bytes } do
		local decoder, got = codec.decoder(4000), {}
		for i = 1, #bytes, piece do
			local block, size = driver.str2p(bytes:sub(i, i + piece - 1))
			local op, payload = decoder:feed(block, size)
			driver.drop(block, size)
			while op do
				got[#got + 1] = { op, #payload }
				op, payload = decoder:next()
			end
		end
		T.eq(got, { { codec.TEXT, 4000 }, { codec.CLOSE, 2 } })
		T.eq(decoder:held(), 0)
	end
end)

T.test("a decoder says what is wrong, again and again", function()
	local decoder = codec.decoder(10)
	T.eq({ decoder:feed(codec.frame(codec.TEXT, ("x"):rep(11))) }, { false, "payload_len is too large", 1009 })
	T.eq({ decoder:feed(codec.frame(codec.TEXT, "x")) }, { false, "payload_len is too large", 1009 })
	T.eq({ decoder:next() }, { false, "payload_len is too large", 1009 })
	T.raises("not negative", codec.decoder, -1)
	T.raises("string expected", decoder.feed, decoder, {})
	T.raises("decoder expected", decoder.feed, {}, "x")
	with_block(function(block) T.raises("not negative", decoder.feed, decoder, block, -1) end)
end)

T.test("a full userdata is neither freed nor read beyond its end", function()
	local buffer = driver.buffer()
	T.eq(select("#", driver.drop(buffer, 1)), 0)
	T.eq(driver.readall(buffer, {}), "")
	T.raises("smaller", netpack.pack, buffer, 60000)
end)

T.test("a receive buffer refuses a block of a negative size", function()
	local buffer = driver.buffer()
	T.raises("need the size", driver.push, buffer, {}, driver.str2p "x", -1)
	T.raises("need the size", driver.push, buffer, {}, driver.str2p "x", "x")
	T.eq(driver.readall(buffer, {}), "")
end)

T.test("netpack refuses what is no message, queue or block", function()
	T.raises("a socket message expected", netpack.filter, nil, nil, 24)
	with_block(function(block) T.raises("a socket message expected", netpack.filter, nil, block, 1) end)
	T.raises("queue expected", netpack.pop, {})
	T.raises("queue expected", netpack.clear, io.stdout)
	with_block(function(block) T.raises("not negative", netpack.pack, block, -1) end)
	T.raises("a block of memory expected", netpack.tostring, io.stdout, 1)
	T.eq(netpack.tostring(nil, 0), "")
end)

T.run()
