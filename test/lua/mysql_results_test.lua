-- What skynet.db.mysql makes of results: values of each type and size, several results, packets in pieces.
local skynet = require "skynet"
local peer = require "mysql_peer"
local T = require "harness"

local LONG, LONGLONG, DATETIME, VARCHAR = 3, 8, 12, 253

T.test("a prepared statement's rows in single bytes are the same", function()
	local columns = { { "n", LONGLONG }, { "at", DATETIME, 0, 6 }, { "s", VARCHAR }, { "none", LONG } }
	local row = "\0\32" .. peer.number(5, 8) .. "\11" .. peer.number(2020, 2) .. "\3\20\1\2\3" .. peer.number(45, 4) .. "\2hi"
	local port = peer.listen(function(c)
		c:accept()
		c:receive()
		c:drip(peer.prepared(9, columns))
		c:receive()
		c:drip((peer.rows(columns, { row, row })))
		c:wait_for_end()
	end)
	local db = peer.client(port)
	local want = { n = 5, at = "2020-03-20 01:02:03.000045", s = "hi" }
	T.eq(db:execute(db:prepare "x"), { want, want })
	db:disconnect()
end)

T.test("64-bit integers are exact on both engines, in both protocols", function()
	local columns = { { "low", LONGLONG }, { "high", LONGLONG }, { "beyond", LONGLONG, 0x20 } }
	local least, most = ("\0"):rep(7) .. "\128", ("\255"):rep(7) .. "\127"
	local port = peer.serving(function(payload)
		local command = payload:byte(1)
		if command == 0x16 then return peer.prepared(1, columns) end
		if command == 0x17 then return (peer.rows(columns, { "\0\0" .. least .. most .. ("\255"):rep(8) })) end
		return (peer.rows(columns, { peer.text "-9223372036854775808" .. peer.text "9223372036854775807" .. peer.text "18446744073709551615" }))
	end)
	local db = peer.client(port)
	for _, rows in ipairs { db:query "x", db:execute(db:prepare "x") } do
		T.eq((tostring(rows[1].low):gsub("LL$", "")), "-9223372036854775808")
		T.eq((tostring(rows[1].high):gsub("LL$", "")), "9223372036854775807")
		T.eq(rows[1].beyond, 2 ^ 64)
	end
	db:disconnect()
end)

T.test("a 64-bit integer that was read can be a parameter", function()
	local got
	local port = peer.serving(function(payload)
		local command = payload:byte(1)
		if command == 0x16 then
			return peer.packet(1, "\0" .. peer.number(1, 4) .. peer.number(0, 2) .. peer.number(1, 2) .. "\0" .. peer.number(0, 2))
				.. peer.column(2, "?", VARCHAR) .. peer.eof(3)
		elseif command == 0x17 then
			got = payload:sub(-10)
			return peer.ok(1)
		end
		return (peer.rows({ { "id", LONGLONG } }, { peer.text "1234567890123456789" }))
	end)
	local db = peer.client(port)
	local id = db:query "x"[1].id
	db:execute(db:prepare "x", id)
	T.eq(got, "\8\0\21\129\233\125\244\16\34\17")
	db:disconnect()
end)

T.test("a packet of more than 16 MB is joined, and a query of that size split", function()
	local size = 17 * 1000 * 1000
	local value = ("v"):rep(size)
	local got
	local port = peer.listen(function(c)
		c:accept()
		local first, seq = c:receive()
		local second, next_seq = c:receive()
		got = { #first, seq, #second, next_seq }
		local row = "\254" .. peer.number(size, 8) .. value
		local head = peer.packet(1, "\1") .. peer.column(2, "v", VARCHAR) .. peer.eof(3)
		c:write(head .. peer.packet(4, row:sub(1, 0xffffff)) .. peer.packet(5, row:sub(0x1000000)) .. peer.eof(6))
		c:wait_for_end()
	end)
	local db = peer.client(port)
	local rows = db:query(value)
	T.eq(got, { 0xffffff, 0, size + 1 - 0xffffff, 1 })
	T.eq(#rows[1].v, size)
	T.ok(rows[1].v == value)
	db:disconnect()
end)

T.test("several results of an execute carry skynet's key and the right one", function()
	local row, more = "\0\0" .. peer.number(5, 4), 10
	local port = peer.serving(function(payload)
		local command = payload:byte(1)
		if command == 0x16 then return peer.prepared(1, {}) end
		local first, seq = peer.rows({ { "a", LONG } }, { command == 0x17 and row or peer.text "5" }, more)
		return first .. peer.ok(seq)
	end)
	local db = peer.client(port)
	local results = db:execute(db:prepare "call p()")
	T.eq({ results.mulitresultset, results.multiresultset, #results }, { true, true, 2 })
	T.eq(results[1], { { a = 5 } })
	results = db:query "x; y"
	T.eq({ results.mulitresultset, results.multiresultset, results[1], results[2].affected_rows }, { nil, true, { { a = 5 } }, 0 })
	db:disconnect()
end)

T.test("several results in single bytes are each those of their own query", function()
	local function results(value)
		local first, seq = peer.rows({ { "a", LONG } }, { peer.text(value) }, 10)
		return first .. peer.failure(seq, 1064, "42000", "no such " .. value)
	end
	local port = peer.listen(function(c)
		c:accept()
		c:receive()
		c:receive()
		c:drip(results "5" .. results "6")
		c:wait_for_end()
	end)
	local db = peer.client(port)
	local second
	skynet.fork(function() second = db:query "y" end)
	local first = db:query "x"
	T.eventually(function() return second end)
	T.eq({ #first, first[1], first.err }, { 1, { { a = 5 } }, "no such 5" })
	T.eq({ #second, second[1], second.err }, { 1, { { a = 6 } }, "no such 6" })
	db:disconnect()
end)

T.test("rows that are on their way stay what they began as when lists are asked for", function()
	local bytes = peer.rows({ { "a", LONG } }, { peer.text "1", peer.text "2" })
	local asked
	local port = peer.listen(function(c)
		c:accept()
		c:receive()
		c:write(bytes:sub(1, -12))
		T.eventually(function() return asked end)
		c:write(bytes:sub(-11))
		c:receive()
		c:write(bytes)
		c:wait_for_end()
	end)
	local db = peer.client(port)
	skynet.fork(function()
		skynet.sleep(5) -- the first row is read by then, or the test sees nothing
		db:set_compact_arrays(true)
		asked = true
	end)
	T.eq(db:query "x", { { a = 1 }, { a = 2 } })
	T.eq(db:query "y", { { 1 }, { 2 } })
	db:disconnect()
end)

T.test("a column that repeats counts as the last one, also when that is NULL", function()
	local port = peer.serving(function() return (peer.rows({ { "v", LONG }, { "v", LONG } }, { "\0011\251", "\251\0012" })) end)
	local db = peer.client(port)
	for _ = 1, 10 do T.eq(db:query "x", { {}, { v = 2 } }) end
	db:set_compact_arrays(true)
	T.eq(db:query "x", { { 1 }, { [2] = 2 } })
	db:disconnect()
end)

T.test("the same columns in many results: each row has its own values, NULLs and large numbers too", function()
	local columns = { { "id", LONGLONG }, { "name", VARCHAR }, { "score", 5 } }
	local texts = { peer.text "7" .. peer.text "seven" .. peer.text "7.5", "\251" .. peer.text "" .. "\251",
		peer.text "9007199254740993" .. "\251" .. peer.text "8", "\251\251\251" }
	local want = { { id = 7, name = "seven", score = 7.5 }, { name = "" }, { score = 8 }, {} }
	local port = peer.serving(function(payload)
		if payload:sub(2) ~= "bad" then return (peer.rows(columns, texts)) end
		return (peer.rows(columns, { texts[1], texts[1], texts[1] .. "x" }))
	end)
	local db = peer.client(port)
	for _ = 1, 20 do
		local rows = db:query "good"
		T.eq((tostring(rows[3].id):gsub("LL$", "")), "9007199254740993")
		rows[3].id = nil
		T.eq(rows, want)
		rows[2].id, rows[4].name, rows[1].more = 2, "four", true
		T.eq(rows[2], { id = 2, name = "" })
		T.eq(rows[4], { name = "four" })
		T.eq(rows[1].more, true)
	end
	T.raises("a row that does not fit its columns", db.query, db, "bad")
	T.eq(#db:query "good", 4)
	db:disconnect()
end)

T.run()
