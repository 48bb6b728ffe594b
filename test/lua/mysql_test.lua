-- skynet.db.mysql against scripted peers: deadlines, failures in the middle of rows, lost links, statements of another
-- connection, logins that are refused. What results are made of: mysql_results_test.lua.
local skynet = require "skynet"
local socket = require "skynet.socket"
local pool = require "skynet.db.pool"
local sc = require "skynet.socketchannel"
local peer = require "mysql_peer"
local net = require "net"
local T = require "harness"

local LONG, VARCHAR = 3, 253

-- ---- links ------------------------------------------------------------------------------------

T.test("a call that is late raises, those behind it too, and the next logs in again", function()
	local port = peer.serving(function(_, n) return n > 1 and peer.ok(1, 42) or nil end)
	local db = peer.client(port, { timeout = 100 })
	local err
	skynet.fork(function() err = select(2, pcall(db.query, db, "b")) end)
	local late = T.raises(nil, db.query, db, "a")
	T.eventually(function() return err end)
	local both = tostring(late) .. tostring(err)
	T.ok(both:find("timed out waiting for 127.0.0.1:" .. port, 1, true), both)
	T.eq(db:query("c").affected_rows, 42)
	db:disconnect()
end)

T.test("a server that greets and then says nothing is given up in time", function()
	local port = peer.listen(function(c)
		c:write(peer.greeting())
		c:wait_for_end()
	end)
	T.raises("timed out waiting for 127.0.0.1:" .. port, peer.client, port, { timeout = 20 })
end)

T.test("a server that does not even greet is given up in time", function()
	local port = peer.listen(function(c) c:wait_for_end() end)
	T.raises("timed out", peer.client, port, { timeout = 20 })
end)

T.test("a reset in the middle of rows raises for all who wait", function()
	local bytes = peer.rows({ { "a", LONG } }, { peer.text "1" })
	local port = peer.listen(function(c, n)
		c:accept()
		c:receive()
		if n == 1 then
			c:write(bytes:sub(1, -4))
			-- closing with bytes unread is a reset
			socket.pause(c.id)
			return
		end
		c:write(peer.ok(1, 42))
		c:wait_for_end()
	end)
	local db = peer.client(port)
	local ended, right = 0, 0
	for i = 1, 5 do
		skynet.fork(function()
			local ok, err = pcall(db.query, db, "q" .. i)
			if not ok and err == sc.error then right = right + 1 end
			ended = ended + 1
		end)
	end
	T.eventually(function() return ended == 5 end)
	T.eq(right, 5)
	T.eq(db:query("again").affected_rows, 42)
	db:disconnect()
end)

T.test("1,000 requests in flight when the server ends: each its own answer or an error", function()
	local served = 0
	local port = peer.listen(function(c, n)
		c:accept()
		while true do
			local sql = c:receive():sub(2)
			served = served + 1
			if n == 1 and served > 300 then return end
			c:write((peer.rows({ { "n", VARCHAR } }, { peer.text(sql) })))
		end
	end)
	local db = peer.client(port)
	local result = net.many(1000, function(i) return tonumber(db:query("q" .. i)[1].n:match "^q(%d+)$") end)
	T.eventually(function() return result.ended == 1000 end, 1000)
	T.eq({ result.right, result.wrong }, { 300, 0 })
	T.eq(db:query "later", { { n = "later" } })
	db:disconnect()
end)

T.test("what a server says before it closes an idle link is no answer", function()
	local said
	local port = peer.listen(function(c, n)
		c:accept()
		if n == 1 then
			c:receive()
			-- as if it had been on its way when the query was sent
			c:write(peer.failure(0, 4031, "HY000", "The client was disconnected by the server because of inactivity"))
			said = true
			return
		end
		c:receive()
		c:write(peer.ok(1, 42))
		c:wait_for_end()
	end)
	local db = peer.client(port)
	T.raises("a packet that answers nothing", db.query, db, "a")
	T.ok(said)
	T.eq(db:query("b").affected_rows, 42)
	db:disconnect()
end)

-- ---- errors -----------------------------------------------------------------------------------

T.test("a query that fails among its rows is a bad result, and the link stays", function()
	local head = peer.rows({ { "a", LONG } }, { peer.text "1", peer.text "2" }):sub(1, -10)
	local connections
	local port = peer.serving(function(payload, n)
		connections = n
		if payload:sub(2) == "good" then return peer.ok(1, 7) end
		return head .. peer.failure(6, 1317, "70100", "Query execution was interrupted")
	end)
	local db = peer.client(port)
	local bad = db:query "killed"
	T.eq({ bad.badresult, bad.errno, bad.sqlstate, bad.err, #bad }, { true, 1317, "70100", "Query execution was interrupted", 0 })
	T.eq(db:query("good").affected_rows, 7)
	T.eq(connections, 1)
	db:disconnect()
end)

T.test("after an error with which a server closes the next call makes a new link", function()
	local port = peer.serving(function(_, n) return n > 1 and peer.ok(1, 42) or peer.failure(1, 1153, "08S01", "Got a packet bigger than...") end)
	local db = peer.client(port)
	T.eq(db:query("long").errno, 1153)
	T.eq(db:query("short").affected_rows, 42)
	db:disconnect()
end)

T.test("a bad result says as text whose it is, of what, and why", function()
	local port = peer.serving(function() return peer.failure(1, 1146, "42S02", "no such table") end)
	local db = peer.client(port)
	T.eq(tostring(db:query "x"), "mysql 127.0.0.1:" .. port .. ": query: 1146 (42S02) no such table")
	T.eq(tostring(db:prepare "x"), "mysql 127.0.0.1:" .. port .. ": prepare: 1146 (42S02) no such table")
	db:disconnect()
end)

T.test("a packet in the wrong place is a bad result, and ends the link", function()
	local port = peer.serving(function(_, n) return n > 1 and peer.ok(1, 42) or peer.eof(1) end)
	local db = peer.client(port)
	local behind
	skynet.fork(function() behind = { pcall(db.query, db, "b") } end)
	local bad = db:query "a"
	T.eq({ bad.badresult, bad.errno }, { true })
	T.ok(bad.err:find("an EOF packet in the place of a result", 1, true), bad.err)
	T.eventually(function() return behind end)
	T.eq(behind[1], false)
	T.eq(db:query("c").affected_rows, 42)
	db:disconnect()
end)

T.test("an object that is being closed has no methods", function()
	local asked
	local port = peer.serving(function() asked = true end)
	local db = peer.client(port)
	local ok, method
	skynet.fork(function()
		ok = pcall(db.query, db, "select sleep(100)")
		method = db.ping or false
	end)
	T.eventually(function() return asked end)
	db:disconnect()
	T.eventually(function() return method ~= nil end)
	T.eq({ ok, method }, { false, false })
end)

T.test("malformed packets raise with server, command and cause", function()
	local cases = {
		["a column that is cut short"] = peer.packet(1, "\1") .. peer.packet(2, "\3def\2d"),
		["a row that does not fit its columns"] = (peer.rows({ { "a", VARCHAR } }, { "\5four" })),
		["a request for a local file"] = peer.packet(1, "\251/etc/hostname"),
		["a number of columns"] = peer.packet(1, "\255"):sub(1, 4) .. "\253",
		["an OK packet that is cut short"] = peer.packet(1, "\0\1"),
		["an error packet that is cut short"] = peer.packet(1, "\255\1"),
		["no EOF packet after the columns"] = peer.packet(1, "\1") .. peer.column(2, "a", LONG) .. peer.packet(3, "\0011"),
	}
	cases["a row that has more than its columns"] = (peer.rows({ { "a", VARCHAR } }, { "\1ab" }))
	for what, bytes in pairs(cases) do
		local port = peer.serving(function(_, n) return n > 1 and peer.ok(1, 42) or bytes end)
		local db = peer.client(port)
		local err = T.raises("mysql 127.0.0.1:" .. port .. ": query: the server sent ", db.query, db, "x")
		if not what:find "more" then T.ok(err:find(what, 1, true), err) end
		T.eq(db:query("y").affected_rows, 42, what)
		db:disconnect()
	end
end)

T.test("a reader that failed says so for ever", function()
	local port = peer.serving(function(_, n) return n > 1 and peer.ok(1, 42) or peer.packet(1, "\251x") .. peer.ok(1, 9) end)
	local db = peer.client(port)
	local behind
	skynet.fork(function() behind = { pcall(db.query, db, "b") } end)
	T.raises("local file", db.query, db, "a")
	T.eventually(function() return behind end)
	T.eq(behind[1], false)
	db:disconnect()
end)

-- ---- logins -----------------------------------------------------------------------------------

T.test("a refused login raises the server's reason, also for a call that has to log in again", function()
	local port = peer.listen(function(c, n)
		if n > 1 then
			c:write(peer.greeting())
			c:receive()
			c:write(peer.failure(2, 1045, "28000", "Access denied for user 'me'"))
			c:wait_for_end()
		end
		c:accept()
		c:receive()
	end)
	local db = peer.client(port)
	T.ok(T.raises(nil, db.query, db, "a") == sc.error)
	local reason = "mysql 127.0.0.1:" .. port .. ": the server refuses the login: errno:1045, msg:Access denied for user 'me',sqlstate:28000"
	T.raises(reason, db.query, db, "b")
	T.raises(reason, peer.client, port)
	db:disconnect()
end)

T.test("a server that has too many connections says so", function()
	local port = peer.listen(function(c)
		c:write(peer.packet(0, "\255\16\4Too many connections"))
		c:wait_for_end()
	end)
	T.raises("errno:1040, msg:Too many connections", peer.client, port)
end)

T.test("what is no MySQL server is refused by what it sends", function()
	for _, bytes in ipairs { peer.packet(0, "\9old protocol"), peer.packet(0, ""), "HTTP/1.1 400 Bad Request\r\n\r\n" .. ("x"):rep(7000000) } do
		local port = peer.listen(function(c)
			c:write(bytes)
			c:wait_for_end()
		end)
		T.raises("the greeting is not that of a MySQL server", peer.client, port)
	end
end)

T.test("an unknown charset raises before anything is sent", function()
	local connections = 0
	local port = peer.listen(function() connections = connections + 1 end)
	T.raises("mysql: unknown charset klingon", peer.client, port, { charset = "klingon" })
	T.eq(connections, 0)
end)

T.test("on_connect that raises makes the connect fail with its text", function()
	local port = peer.serving(function() return peer.ok(1) end)
	T.raises("not today", peer.client, port, { on_connect = function() error("not today", 0) end })
end)

-- ---- statements -------------------------------------------------------------------------------

-- On each connection the first statement has the id 1.
local function statements()
	local log = {}
	local ids = {}
	local port = peer.serving(function(payload, n)
		local command = payload:byte(1)
		if command == 0x16 then
			ids[n] = (ids[n] or 0) + 1
			log[#log + 1] = n .. " prepare " .. payload:sub(2)
			return peer.prepared(ids[n], {})
		elseif command == 0x17 then
			log[#log + 1] = n .. " execute " .. payload:byte(2)
			return peer.ok(1, n)
		end
		return "close"
	end)
	return port, log
end

T.test("a statement of a lost connection never runs another one's", function()
	local port, log = statements()
	local db = peer.client(port)
	local a = db:prepare "a"
	T.eq(db:execute(a).affected_rows, 1)
	T.raises(nil, db.query, db, "close")
	local b = db:prepare "b"
	T.eq(b.prepare_id, a.prepare_id)
	local bad = db:execute(a)
	T.eq({ bad.badresult, bad.errno, bad.sqlstate }, { true, 1243, "HY000" })
	T.eq(db:stmt_reset(a).errno, 1243)
	db:stmt_close(a)
	T.eq(db:execute(b).affected_rows, 2)
	T.eq(log, { "1 prepare a", "1 execute 1", "2 prepare b", "2 execute 1" })
	db:disconnect()
end)

T.test("with prepare_again a statement is prepared once on each connection, however many want it", function()
	local port, log = statements()
	local db = peer.client(port, { prepare_again = true })
	local a = db:prepare "a"
	T.raises(nil, db.query, db, "close")
	db:prepare "other"
	local done, right = 0, 0
	for _ = 1, 10 do
		skynet.fork(function()
			if db:execute(a).affected_rows == 2 then right = right + 1 end
			done = done + 1
		end)
	end
	T.eventually(function() return done == 10 end)
	T.eq(right, 10)
	T.eq(a.prepare_id, 2)
	T.eq({ #log, log[1], log[2], log[3], log[4], log[13] }, { 13, "1 prepare a", "2 prepare other", "2 prepare a", "2 execute 2", "2 execute 2" })
	db:stmt_close(a)
	T.raises(nil, db.query, db, "close")
	T.eq(db:execute(a).errno, 1243, "a closed statement stays closed")
	db:disconnect()
end)

T.test("who is killed while he prepares again leaves that to the next one", function()
	local held, go
	local port = peer.serving(function(payload, n)
		local command = payload:byte(1)
		if command == 0x17 then return peer.ok(1, n) end
		if command ~= 0x16 then return "close" end
		held = n == 2
		while held and not go do skynet.sleep(1) end
		return peer.prepared(1, {})
	end)
	local db = peer.client(port, { prepare_again = true })
	local a = db:prepare "a"
	T.raises(nil, db.query, db, "close")
	local victim = skynet.fork(function() db:execute(a) end)
	T.eventually(function() return held end)
	local rows
	skynet.fork(function() rows = db:execute(a).affected_rows end)
	skynet.yield()
	skynet.killthread(victim)
	go = true
	T.eventually(function() return rows end)
	T.eq(rows, 2)
	db:disconnect()
end)

T.test("a statement that the server refused cannot be executed", function()
	local port = peer.serving(function() return peer.failure(1, 1064, "42000", "syntax") end)
	local db = peer.client(port)
	T.raises("1064 (42000) syntax", db.execute, db, db:prepare "x")
	db:disconnect()
end)

T.test("what is no statement is told before anything is sent, by each who takes one", function()
	local asked = 0
	local port = peer.serving(function()
		asked = asked + 1
		return asked == 1 and peer.failure(1, 1064, "42000", "syntax") or peer.ok(1)
	end)
	local db = peer.client(port)
	local refused = db:prepare "x"
	for _, method in ipairs { "execute", "stmt_reset", "stmt_close" } do
		T.raises(method .. ": a statement that prepare() gave expected, got nil", db[method], db, nil)
		T.raises(method .. ": a statement that prepare() gave expected, got string", db[method], db, "select 1")
		T.raises(method .. ": a statement that prepare() gave expected, got another table", db[method], db, {})
		T.raises("1064 (42000) syntax", db[method], db, refused)
	end
	T.eq(asked, 1)
	T.eq(db:query("x").badresult, nil)
	db:disconnect()
end)

-- ---- many callers -----------------------------------------------------------------------------

-- Rows of the same columns again and again are made another way than the first ones.
T.test("what is asked in one turn leaves in one write", function()
	local first
	local port = peer.listen(function(c)
		c:accept()
		first = c.read()
		for _ = 1, 16 do c:write(peer.ok(1, 3)) end
		c:wait_for_end()
	end)
	local db = peer.client(port)
	local done = 0
	for i = 1, 16 do
		skynet.fork(function()
			if db:query(string.format("q%02d", i)).affected_rows == 3 then done = done + 1 end
		end)
	end
	T.eventually(function() return done == 16 end)
	T.eq(#first, 16 * (4 + 1 + 3))
	T.ok(first:find("q01", 1, true) < first:find("q16", 1, true))
	db:disconnect()
end)

T.test("what is no SQL raises before anything is sent", function()
	local asked = 0
	local port = peer.serving(function()
		asked = asked + 1
		return peer.ok(1)
	end)
	local db = peer.client(port)
	for _, call in ipairs { db.query, db.prepare } do
		T.raises("string expected, got nil", call, db, nil)
		T.raises("string expected, got table", call, db, {})
	end
	T.eq(asked, 0)
	T.eq(db:query("x").badresult, nil)
	db:disconnect()
end)

T.test("a pool gives each caller a connection of its own, and replaces a dead one", function()
	local open = 0
	local port = peer.serving(function(payload, n)
		open = math.max(open, n)
		if payload:sub(2) == "die" then return "close" end
		return peer.ok(1, n)
	end)
	local connections = pool.new { name = "mysql", size = 2, open = function() return peer.client(port) end }
	local a, b = connections:acquire(), connections:acquire()
	T.ok(a ~= b)
	connections:release(a)
	connections:release(b)
	T.raises("[Error: socket]", connections.use, connections, function(db) return db:query "die" end)
	T.eq(connections:stats(), { open = 1, idle = 1, used = 0, waiting = 0 })
	T.eq(connections:use(function(db) return db:query("x").badresult end), nil)
	T.eq(open, 2)
	connections:close()
end)

T.test("after disconnect nothing can be called, and who waits gets an error", function()
	local port = peer.serving(function() end)
	local db = peer.client(port)
	local waiting
	skynet.fork(function() waiting = { pcall(db.query, db, "x") } end)
	skynet.yield()
	db:disconnect()
	T.eventually(function() return waiting end)
	T.eq(waiting[1], false)
	T.eq(db.query, nil)
end)

T.run()
