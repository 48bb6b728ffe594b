-- skynet.db.redis against scripted peers: deadlines, writes of one turn, logins that are refused, RESP3, lost links.
local skynet = require "skynet"
local socket = require "skynet.socket"
local mysql = require "skynet.db.mysql"
local redis = require "skynet.db.redis"
local codec = require "skynet.db.redis.codec"
local engine = require "skynet.engine"
local sc = require "skynet.socketchannel"
local net = require "net"
local T = require "harness"

-- A server: serve(id, number) runs for each connection. → its port
local function listen(serve)
	local connections = 0
	local id, _, port = socket.listen("127.0.0.1", 0)
	socket.start(id, function(fd)
		connections = connections + 1
		local number = connections
		socket.start(fd)
		serve(fd, number)
		socket.close(fd)
	end)
	return port
end

-- One command of a client, its words joined; nil: it has gone.
local function request(fd)
	local head = socket.readline(fd, "\r\n")
	if not head then return nil end
	local words = {}
	for i = 1, tonumber(head:sub(2)) do
		local size = tonumber(socket.readline(fd, "\r\n"):sub(2))
		words[i] = socket.read(fd, size)
		socket.read(fd, 2)
	end
	return table.concat(words, " ")
end

-- A server that answers OK to each command. → its port, a list of what it was asked
local function listen_and_agree()
	local got = {}
	local port = listen(function(fd)
		local words = request(fd)
		while words do
			got[#got + 1] = words
			socket.write(fd, "+OK\r\n")
			words = request(fd)
		end
	end)
	return port, got
end

local function connect(port, conf)
	conf = conf or {}
	conf.host, conf.port = "127.0.0.1", port
	return redis.connect(conf)
end

-- Answers ECHO to so many callers as soon as all have asked. Then says how many segments with data it got: the system
-- sends one for each write, as the connection does not wait for acknowledgements (TCP_NODELAY).
local COUNTING_PEER = [[
import socket, struct, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
peer, _ = listener.accept()
asked = b""
while data := peer.recv(65536):
    asked += data
    words = asked.split(b"\r\n")
    if len(words) > 5 * int(sys.argv[2]):
        peer.sendall(b"".join(b"+%s\r\n" % word for word in words[4::5]))
        asked = b""
info = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
print(struct.unpack_from("I", info, 152)[0], flush=True)  # tcpi_data_segs_in
]]

T.test("what is asked in one turn leaves in one write, each gets its answer", function()
	local CALLERS, TURNS = 16, 50
	local port = tonumber(skynet.getenv "port")
	local function write_file(name, text)
		local file = assert(io.open(name, "w"))
		file:write(text)
		file:close()
	end
	local function output(line)
		local file = io.open "peer.out"
		local text = file and file:read "*a" or ""
		if file then file:close() end
		return text:match(line)
	end
	write_file("peer.py", COUNTING_PEER)
	os.execute(("timeout 300 python3 peer.py %d %d >peer.out 2>peer.err &"):format(port, CALLERS))
	T.eventually(function() return output "ready" end, 1000)
	local db = connect(port)
	local wrong = 0
	for turn = 1, TURNS do
		local done = 0
		for i = 1, CALLERS do
			skynet.fork(function()
				local word = tostring(1000 + turn * CALLERS + i)
				if db:echo(word) ~= word then wrong = wrong + 1 end
				done = done + 1
			end)
		end
		T.eventually(function() return done == CALLERS end, 1000)
	end
	db:disconnect()
	T.eq(wrong, 0)
	T.eventually(function() return output "ready\n%d+\n" end, 1000)
	-- More than one a turn would be something that the system sent again.
	T.within(tonumber(output "ready\n(%d+)"), TURNS, 2 * TURNS)
end)

T.test("replies may come byte by byte, and many in one piece", function()
	local replies = "+one\r\n$3\r\ntwo\r\n*2\r\n:3\r\n$-1\r\n-ERR four\r\n"
	local port = listen(function(fd)
		local asked = request(fd)
		while asked do
			if asked == "GET 1" then
				for byte in replies:gmatch "." do
					socket.write(fd, byte)
					skynet.yield()
				end
			elseif asked == "SET 1" then
				socket.write(fd, replies)
			end
			asked = request(fd)
		end
	end)
	local db = connect(port)
	for _, first in ipairs { "get", "set" } do
		local got = db:pipeline({ { first:upper(), 1 }, { "B" }, { "C" }, { "D" } }, {})
		T.eq(got, {
			{ ok = true, out = "one" }, { ok = true, out = "two" }, { ok = true, out = { 3 } }, { ok = false, out = "ERR four" },
		})
		T.raises("ERR four (pipeline, redis", db.pipeline, db, { { first:upper(), 1 }, { "B" }, { "C" }, { "D" } })
	end
	db:disconnect()
end)

-- Results are made another way once some were.
T.test("each reply of many pipelines is its own value, of any kind", function()
	local replies = { "+OK\r\n", ":-7\r\n", ":9007199254740992\r\n", "$-1\r\n", "_\r\n", "#t\r\n", "#f\r\n", ",0.5\r\n", "$0\r\n\r\n",
		"*0\r\n", "*2\r\n$-1\r\n*1\r\n:1\r\n", "*1\r\n-ERR inner\r\n", "%1\r\n+a\r\n:1\r\n", "|1\r\n+x\r\n+y\r\n+with\r\n",
		">1\r\n+push\r\n-ERR outer\r\n" }
	local want = { { ok = true, out = "OK" }, { ok = true, out = -7 }, { ok = true, out = 2 ^ 53 }, { ok = true }, { ok = true },
		{ ok = true, out = true }, { ok = true, out = false }, { ok = true, out = 0.5 }, { ok = true, out = "" }, { ok = true, out = {} },
		{ ok = true, out = { nil, { 1 } } }, { ok = false, out = { "ERR inner" } }, { ok = true, out = { a = 1 } },
		{ ok = true, out = "with" }, { ok = false, out = "ERR outer" } }
	local port = listen(function(fd)
		while request(fd) do
			for _ = 2, #replies do request(fd) end
			socket.write(fd, table.concat(replies))
		end
	end)
	local db = connect(port)
	local operations = {}
	for i = 1, #replies do operations[i] = { "GET", i } end
	for _ = 1, 20 do
		local got = db:pipeline(operations, {})
		T.eq(got, want)
		got[4].out, got[1].more = 4, 1
		T.eq({ got[4], got[1] }, { { ok = true, out = 4 }, { ok = true, out = "OK", more = 1 } })
	end
	db:disconnect()
end)

T.test("the words of a pipeline are what tostring() makes of them, however they are kept", function()
	local port, got = listen_and_agree()
	local db = connect(port)
	local named = setmetatable({}, { __tostring = function() return "named" end })
	local grown = {}
	for i = 1, 5 do grown[i] = i == 1 and "GROWN" or "x" .. i end
	local operations = {
		{ "SET", "key", 1 }, { "SET", 2 ^ 31, -5 }, { "SET", 0.25, 1e100 }, { "SET", true, named }, setmetatable({ "SET", "a" }, {}),
		{ [1] = "SET", [2] = ("long"):rep(400) }, grown, { "SET", "", 0 }, { "ONE" },
	}
	db:pipeline(operations, {})
	local want = {}
	for i, operation in ipairs(operations) do
		local words = {}
		for k, word in ipairs(operation) do words[k] = tostring(word) end
		want[i] = table.concat(words, " ")
	end
	T.eq(got, want)
	T.raises("redis: operation 2 is empty", db.pipeline, db, { { "PING" }, {} })
	T.raises("redis: operation 1 is no table", db.pipeline, db, { "PING" })
	T.eq(db:ping(), "OK")
	db:disconnect()
end)

T.test("whole numbers are sent with all their digits, on LuaJIT too", function()
	local port, got = listen_and_agree()
	local db = connect(port)
	local numbers = { 100000000000000, 1234567890123456, 9007199254740992, -9007199254740991 }
	local words = { "100000000000000", "1234567890123456", "9007199254740992", "-9007199254740991" }
	if not math.type then
		local more = load "return 9007199254740993LL, -9223372036854775807LL, 18446744073709551615ULL"
		numbers[5], numbers[6], numbers[7] = more()
		words[5], words[6], words[7] = "9007199254740993", "-9223372036854775807", "18446744073709551615"
	end
	for i, number in ipairs(numbers) do
		db:incrby("n", number)
		db:pipeline { { "INCRBY", "n", number } }
		db:pipeline { { "INCRBY", {}, number } }
		T.eq({ got[#got - 2], got[#got - 1] }, { "INCRBY n " .. words[i], "INCRBY n " .. words[i] })
		T.eq(got[#got]:match " ([^ ]+)$", words[i])
		T.eq(codec.text(number), words[i])
	end
	T.eq(mysql.quote_sql_str(numbers[2]), "'1234567890123456'")
	T.eq(mysql.quote_sql_str(numbers[5] or 1.5), numbers[5] and "'9007199254740993'" or "'1.5'")
	db:disconnect()
end)

T.test("results of a pipeline that are no table raise before anything is sent", function()
	local port, got = listen_and_agree()
	local db = connect(port)
	T.raises("not into a boolean", db.pipeline, db, { { "PING" } }, true)
	T.eq(#got, 0)
	T.eq(db:ping(), "OK")
	db:disconnect()
end)

T.test("several that wait for messages are served in the order in which they came", function()
	local port = listen(function(fd)
		T.eq(request(fd), "SUBSCRIBE one")
		T.eq(request(fd), "SUBSCRIBE two")
		for i, name in ipairs { "one", "two" } do
			socket.write(fd, ("*3\r\n$9\r\nsubscribe\r\n$3\r\n%s\r\n:%d\r\n"):format(name, i))
		end
		for i = 1, 3 do socket.write(fd, ("*3\r\n$7\r\nmessage\r\n$3\r\none\r\n$1\r\n%d\r\n"):format(i)) end
		socket.read(fd)
	end)
	local watch = redis.watch { host = "127.0.0.1", port = port }
	local got = {}
	for i = 1, 3 do
		skynet.fork(function() got[i] = { watch:message() } end)
	end
	skynet.yield()
	watch:subscribe("one", "two")
	T.eventually(function() return got[1] and got[2] and got[3] end)
	T.eq(got, { { "1", "one" }, { "2", "one" }, { "3", "one" } })
	watch:disconnect()
end)

T.test("a finalizer may change the words of a pipeline that is being written", function()
	local ran = 0
	for round = 1, 50 do
		local operation = { "SET" }
		for i = 2, 300 do operation[i] = round .. ("x"):rep(i) end
		local function change()
			ran = ran + 1
			for i = 2, 300 do operation[i] = "changed" .. i end
			for i = 301, 400 do operation[i] = i end
		end
		for _ = 1, 20 do engine.finalizer(change) end
		local bytes = codec.pipeline { operation, operation, operation }
		local at = 1
		for _ = 1, 3 do
			local count, after = bytes:match("^%*(%d+)\r\n()", at)
			at = after
			for _ = 1, tonumber(count) do
				local size, word = bytes:match("^%$(%d+)\r\n()", at)
				T.eq(bytes:sub(word + size, word + size + 1), "\r\n")
				at = word + size + 2
			end
		end
		T.eq(at, #bytes + 1)
	end
	T.ok(ran > 0)
end)

T.test("bytes that nobody asked for are held back, and are the next reply", function()
	local BYTES = 1024 * 1024
	local sent = 0
	local port = listen(function(fd)
		local one = "$1000\r\n" .. ("x"):rep(1000) .. "\r\n"
		for _ = 1, BYTES / 1000 do socket.write(fd, one) end
		sent = sent + 1
		while socket.read(fd) do end
	end)
	local watch = redis.watch { host = "127.0.0.1", port = port }
	T.eventually(function() return sent == 1 end)
	local parser = watch.channel.__sock.parser
	T.eventually(function() return parser:held() > 128 * 1024 end)
	T.eq(#watch.channel:response(function(reader) return reader:next() end), 1000)
	local left = BYTES / 1000 - 1
	for _ = 1, left do watch.channel:response(function(reader) return reader:next() end) end
	T.eq(parser:held(), 0)
	watch:disconnect()
end)

T.test("a reply that nobody asked for ends the connection, and is nobody's answer", function()
	local stray, ended
	local port = listen(function(fd, number)
		local words = request(fd)
		while words do
			socket.write(fd, "+" .. number .. " " .. words .. "\r\n")
			if stray then
				skynet.sleep(1)
				socket.write(fd, stray)
				stray = nil
			end
			words = request(fd)
		end
		ended = number
	end)
	local db = connect(port)
	for i, bytes in ipairs { "+stray\r\n", ">1\r\n+push\r\n$5\r\nstray\r\n", "-ERR stray\r\n" } do
		stray = bytes
		T.eq(db:echo(i), i .. " ECHO " .. i)
		T.eventually(function() return ended == i end)
	end
	T.eq(db:echo "x", "4 ECHO x")
	-- Pushes, and a part of what may become one, are no answer.
	stray = ">1\r\n+push\r\n>1\r\n$5\r\n"
	T.eq(db:echo "y", "4 ECHO y")
	skynet.sleep(5)
	local waited
	skynet.fork(function() waited = db:echo "z" end)
	skynet.sleep(5)
	T.eq(waited, nil)
	db:disconnect()
	local subscribed = connect(port)
	stray = "*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
	T.eq(subscribed:subscribe("a", "b"), "5 SUBSCRIBE a b")
	T.eventually(function() return ended == 5 end)
	T.eq(subscribed:get "a", "6 GET a")
	subscribed:disconnect()
end)

T.test("with RESP3 a subscription that is no watcher's is refused: it would have no reply", function()
	local port, got = listen_and_agree()
	local db = connect(port, { protocol = 3 })
	T.raises("redis: SUBSCRIBE has no reply", db.subscribe, db, "channel")
	T.raises("redis: PUNSUBSCRIBE has no reply", db.PUnsubscribe, db)
	T.raises("redis: SUBSCRIBE has no reply", db.pipeline, db, { { "ping" }, { "subscribe", "channel" } })
	T.eq(db:ping(), "OK")
	T.eq(got, { "HELLO 3", "PING" })
	db:disconnect()
end)

T.test("an object that is being closed has no methods", function()
	local asked
	local port = listen(function(fd)
		asked = request(fd)
		request(fd)
	end)
	local db = connect(port)
	local ok, method
	skynet.fork(function()
		ok = pcall(db.blpop, db, "list", 0)
		method = db.ping or false
	end)
	T.eventually(function() return asked end)
	db:disconnect()
	T.eventually(function() return method ~= nil end)
	T.eq({ ok, method }, { false, false })
	T.eq(db.disconnect, nil)
end)

T.test("the reply to a killed caller goes to nobody", function()
	local waiting = {}
	local port = listen(function(fd)
		local words = request(fd)
		while words do
			waiting[#waiting + 1] = { fd, words }
			words = request(fd)
		end
	end)
	local db = connect(port)
	local got
	local victim = skynet.fork(function() db:echo "one" end)
	skynet.fork(function() got = db:echo "two" end)
	T.eventually(function() return #waiting == 2 end)
	skynet.killthread(victim)
	for _, one in ipairs(waiting) do socket.write(one[1], "+" .. one[2] .. "\r\n") end
	T.eventually(function() return got end)
	T.eq(got, "ECHO two")
	db:disconnect()
end)

T.test("bytes that no server sends raise at all that wait, and the next call connects again", function()
	local port = listen(function(fd, number)
		request(fd)
		request(fd)
		socket.write(fd, number == 1 and "+one\r\n?\r\n" or "+two\r\n")
		socket.read(fd)
	end)
	local db = connect(port)
	local one, err, other
	skynet.fork(function() one = db:get "a" end)
	skynet.fork(function() err = select(2, pcall(db.get, db, "b")) end)
	skynet.fork(function() other = select(2, pcall(db.get, db, "c")) end)
	T.eventually(function() return one and err and other end)
	T.eq(one, "one")
	T.ok(tostring(err):find("protocol error", 1, true) and other == err, tostring(err))
	skynet.fork(function() pcall(db.get, db, "d") end)
	T.eq(db:get "e", "two")
	db:disconnect()
end)

T.test("a call that is late raises, those behind it too, and the next connects again", function()
	local port = listen(function(fd, number)
		while request(fd) do
			if number > 1 then socket.write(fd, "+again\r\n") end
		end
	end)
	local db = connect(port, { timeout = 100 })
	local err
	skynet.fork(function() err = select(2, pcall(db.get, db, "b")) end)
	local late = T.raises(nil, db.get, db, "a")
	T.eventually(function() return err end)
	local timed_out = tostring(late) .. tostring(err)
	T.ok(timed_out:find("timed out waiting for 127.0.0.1:" .. port, 1, true), timed_out)
	T.eq(db:get "c", "again")
	db:disconnect()
end)

T.test("a refused login raises the server's text, with command and server", function()
	local port = listen(function(fd)
		request(fd)
		socket.write(fd, "-WRONGPASS invalid\r\n")
		socket.read(fd)
	end)
	local err = T.raises("WRONGPASS invalid", connect, port, { auth = "bad" })
	T.ok(err:find("(AUTH, redis 127.0.0.1:" .. port .. ")", 1, true), err)
end)

T.test("a nil among the arguments raises before anything is sent", function()
	local port, got = listen_and_agree()
	local db = connect(port)
	T.raises("argument 2 is nil", db.set, db, "k", nil)
	T.eq(db:ping(), "OK")
	T.eq(got, { "PING" })
	db:disconnect()
end)

T.test("on_connect runs after each connect, before anything else", function()
	local got = {}
	local port = listen(function(fd, number)
		local words = request(fd)
		while words and words ~= "BYE" do
			got[#got + 1] = number .. words
			socket.write(fd, "+OK\r\n")
			words = request(fd)
		end
	end)
	local db = connect(port, { on_connect = function(new) new:client("setname", "me") end })
	db:ping()
	T.ok(T.raises(nil, db.bye, db) == sc.error)
	db:ping()
	T.eq(got, { "1CLIENT setname me", "1PING", "2CLIENT setname me", "2PING" })
	db:disconnect()
end)

T.test("a message is not lost to one who was killed while he waited for it", function()
	local peer
	local port = listen(function(fd)
		peer = fd
		while socket.read(fd) do end
	end)
	local watch = redis.watch { host = "127.0.0.1", port = port }
	local victim = skynet.fork(function() watch:message() end)
	skynet.yield()
	local got
	skynet.fork(function() got = watch:message() end)
	skynet.yield()
	skynet.killthread(victim)
	T.eventually(function() return peer end)
	socket.write(peer, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n")
	T.eventually(function() return got end)
	T.eq(got, "hi")
	-- When nobody waits any more it is kept for the next one.
	victim = skynet.fork(function() watch:message() end)
	skynet.yield()
	skynet.killthread(victim)
	socket.write(peer, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\ntwo\r\n")
	skynet.sleep(5)
	T.eq(watch:message(), "two")
	watch:disconnect()
end)

T.test("a watcher's connections begin with on_connect, too, before its subscriptions", function()
	local got = {}
	local port = listen(function(fd, number)
		for _ = 1, 2 do
			got[#got + 1] = number .. " " .. request(fd)
			local name = got[#got]:match "SUBSCRIBE (.*)"
			socket.write(fd, name and "*3\r\n$9\r\nsubscribe\r\n$1\r\n" .. name .. "\r\n:1\r\n" or "+OK\r\n")
		end
		if number == 2 then
			socket.write(fd, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n")
			while socket.read(fd) do end
		end
	end)
	local watch = redis.watch { host = "127.0.0.1", port = port, timeout = 500, on_connect = function(db) T.eq(db:ping(), "OK") end }
	watch:subscribe "c"
	T.raises(nil, watch.message, watch)
	T.eq(watch:message(), "hi")
	T.eq(got, { "1 PING", "1 SUBSCRIBE c", "2 PING", "2 SUBSCRIBE c" })
	watch:disconnect()
end)

T.test("a watcher's connect has the time limit, and its messages have none", function()
	local listener, _, port = socket.listen("127.0.0.1", 0, 1) -- accepts nobody
	local filling = {}
	for i = 1, 20 do
		filling[i] = socket.open("127.0.0.1", port, 50)
		if not filling[i] then break end
	end
	local from = skynet.now()
	T.raises("[Error: socket]", redis.watch, { host = "127.0.0.1", port = port, timeout = 20 })
	T.within(skynet.now() - from, 19, 1000)
	for _, id in ipairs(filling) do socket.close(id) end
	socket.close(listener)
	local silent = listen(function(fd) while socket.read(fd) do end end)
	local watch = redis.watch { host = "127.0.0.1", port = silent, timeout = 50 }
	local ended
	skynet.fork(function() ended = pcall(watch.message, watch) end)
	skynet.sleep(70)
	T.eq(ended, nil)
	watch:disconnect()
	T.eventually(function() return ended == false end)
end)

T.test("replies of RESP3 become values, pushes belong to no command", function()
	local reply = ">2\r\n+invalidate\r\n_\r\n%2\r\n+pi\r\n,3.5\r\n+yes\r\n#t\r\n"
	local port = listen(function(fd)
		while request(fd) do
			socket.write(fd, reply)
		end
	end)
	local db = connect(port)
	T.eq(db:get "x", { pi = 3.5, yes = true })
	reply = "~2\r\n(12345678901234567890\r\n=5\r\ntxt:a\r\n"
	T.eq(db:get "x", { "12345678901234567890", "a" })
	reply = "!7\r\nERR bad\r\n"
	T.raises("ERR bad (GET, redis", db.get, db, "x")
	db:disconnect()
end)

T.test("1,000 requests in flight when the server ends: each its own answer or an error", function()
	local port = listen(function(fd, number)
		for i = 1, number == 1 and 300 or 100000 do
			local words = request(fd)
			if not words then return end
			socket.write(fd, "+" .. words:match "%S+$" .. "\r\n")
		end
	end)
	local db = connect(port)
	local result = net.many(1000, function(i) return tonumber(db:echo(i)) end)
	T.eventually(function() return result.ended == 1000 end, 1000)
	T.eq(result.wrong, 0)
	T.ok(result.failed > 0 and result.right > 0, "some were answered, some were not")
	T.eq(db:echo "after", "after")
	db:disconnect()
end)

T.run()
