-- skynet.db.redis.cluster against scripted nodes: what is sent again and what is not, how often the map is read,
-- ASK, replicas, and connections that have to make room.
local skynet = require "skynet"
local socket = require "skynet.socket"
local cluster = require "skynet.db.redis.cluster"
local sc = require "skynet.socketchannel"
local T = require "harness"

local OK = "+OK\r\n"

local function bulk(text) return "$" .. #text .. "\r\n" .. text .. "\r\n" end

-- One command of a client, as a list; nil: it has gone.
local function read_command(fd)
	local head = socket.readline(fd, "\r\n")
	if not head then return nil end
	local words = {}
	for i = 1, tonumber(head:sub(2)) do
		local size = tonumber(socket.readline(fd, "\r\n"):sub(2))
		words[i] = socket.read(fd, size)
		socket.read(fd, 2)
	end
	return words
end

-- A node. `answer(text, node, fd)` → the reply to anything but CLUSTER SLOTS; nil: it closes; false: none for now.
-- node.got: the commands it got; node.maps: how often its map was read; node.slots(): { first, last, nodes ... } each
local function new_node(answer)
	local node = { got = {}, maps = 0, answer = answer, open = 0 }
	local function slots()
		local lines = node.slots()
		local reply = { "*" .. #lines .. "\r\n" }
		for _, line in ipairs(lines) do
			reply[#reply + 1] = ("*%d\r\n:%d\r\n:%d\r\n"):format(#line, line[1], line[2])
			for i = 3, #line do
				reply[#reply + 1] = "*2\r\n" .. bulk "127.0.0.1" .. ":" .. line[i].port .. "\r\n"
			end
		end
		return table.concat(reply)
	end
	local id, _, port = socket.listen("127.0.0.1", 0)
	node.id, node.port = id, port
	socket.start(id, function(fd)
		socket.start(fd)
		node.open = node.open + 1
		local words = read_command(fd)
		while words do
			local text = table.concat(words, " ")
			local reply
			if text == "CLUSTER slots" then
				node.maps = node.maps + 1
				reply = node.raw_slots or slots()
			else
				node.got[#node.got + 1] = text
				reply = node.answer(text, node, fd)
			end
			if reply == nil then break end
			if reply then socket.write(fd, reply) end
			words = read_command(fd)
		end
		node.open = node.open - 1
		socket.close(fd)
	end)
	return node
end

-- Two nodes that share the slots half and half.
local function two_nodes(answer)
	local a, b = new_node(answer), new_node(answer)
	local function map() return { { 0, 8191, a }, { 8192, 16383, b } } end
	a.slots, b.slots = map, map
	return a, b
end

local function connect(node, opt) return cluster.new({ host = "127.0.0.1", port = node.port }, opt) end
local function echo(text) return bulk(text) end

local function moved(slot, node) return ("-MOVED %d 127.0.0.1:%d\r\n"):format(slot, node.port) end

-- A key of the lower half of slots, and one of the upper half.
local function keys(c)
	local low, high
	for i = 1, 100 do
		local slot = c:keyslot("k" .. i)
		if slot < 8192 then low = low or "k" .. i else high = high or "k" .. i end
	end
	return low, high
end

T.test("a write that was sent and not answered is not sent again", function()
	local a, b = two_nodes(function() return nil end)
	local c = connect(a)
	local low = keys(c)
	T.ok(T.raises(nil, c.incr, c, low) == sc.error)
	T.eq(a.got, { "INCR " .. low })
	T.eq(b.got, {})
	c:close_all_connection()
end)

T.test("a command that reads is sent to another node instead", function()
	local a, b = two_nodes(function() return nil end)
	b.answer = echo
	local c = connect(a)
	local low = keys(c)
	T.eventually(function() return select(2, pcall(c.get, c, low)) == "GET " .. low end)
	T.ok(#a.got >= 1)
	c:close_all_connection()
end)

T.test("a write whose node cannot be reached goes to another one: it has not been sent", function()
	local a, b = two_nodes(echo)
	local c = connect(a)
	local _, high = keys(c)
	socket.close(b.id)
	T.eq(c:incr(high), "INCR " .. high)
	T.eq(a.got, { "INCR " .. high })
	c:close_all_connection()
end)

T.test("a late write raises and is not sent again", function()
	local a, b = two_nodes(function() return false end)
	local c = connect(a, { timeout = 100 })
	local low = keys(c)
	T.raises("timed out waiting for 127.0.0.1:" .. a.port, c.incr, c, low)
	T.eq({ #a.got, #b.got }, { 1, 0 })
	c:close_all_connection()
end)

T.test("what the cluster is not ready for is tried again after a while", function()
	local left = { TRYAGAIN = 2, CLUSTERDOWN = 2 }
	local a = two_nodes(function(text)
		local code = text:match "%u+$"
		left[code] = left[code] - 1
		return left[code] >= 0 and "-" .. code .. " not now\r\n" or OK
	end)
	local c = connect(a)
	local low = keys(c)
	T.eq(c:set(low, "TRYAGAIN"), "OK")
	T.eq(c:set(low, "CLUSTERDOWN"), "OK")
	T.eq(#a.got, 6)
	left.CLUSTERDOWN = 1000
	T.raises("CLUSTERDOWN not now", c.set, c, low, "CLUSTERDOWN")
	c:close_all_connection()
end)

T.test("other errors are raised, with command and node, and not tried again", function()
	local a = two_nodes(function() return "-WRONGTYPE no\r\n" end)
	local c = connect(a)
	local low = keys(c)
	local err = T.raises("WRONGTYPE no", c.lpush, c, low, 1)
	T.ok(err:find("(LPUSH, redis 127.0.0.1:" .. a.port .. ")", 1, true), err)
	T.eq(#a.got, 1)
	c:close_all_connection()
end)

T.test("a burst of MOVED reads the map once", function()
	local a, b = two_nodes(echo)
	local c = connect(a)
	local low = keys(c)
	local before = a.maps + b.maps
	-- All slots have gone to b, and a answers when it has got all commands.
	local waiting = {}
	a.answer = function(_, _, fd)
		waiting[#waiting + 1] = fd
		return false
	end
	local function map() return { { 0, 16383, b } } end
	a.slots, b.slots = map, map
	local done, wrong, slots = 0, 0, {}
	for i = 1, 200 do
		local key = "{" .. low .. "}" .. i
		slots[i] = c:keyslot(key)
		skynet.fork(function()
			if c:incr(key) ~= "INCR " .. key then wrong = wrong + 1 end
			done = done + 1
		end)
	end
	T.eventually(function() return #a.got == 200 end)
	for i, fd in ipairs(waiting) do socket.write(fd, moved(slots[i], b)) end
	T.eventually(function() return done == 200 end)
	T.eq(wrong, 0)
	for i = 1, 50 do c:get("after" .. i) end
	T.eq(a.maps + b.maps - before, 1)
	T.eq(#a.got, 200)
	c:close_all_connection()
end)

T.test("MOVED of many slots at once reads the map once", function()
	local a, b = two_nodes(echo)
	-- b first: it is asked for the map, and not the connection on which answers are due
	a.slots = function() return { { 8192, 16383, b }, { 0, 8191, a } } end
	local c = connect(a)
	local before = a.maps + b.maps
	local waiting = {}
	a.answer = function(text, _, fd)
		waiting[#waiting + 1] = { fd, c:keyslot(text:match " (.*)") }
		return false
	end
	local function map() return { { 0, 16383, b } } end
	a.slots, b.slots = map, map
	local done, asked = 0, 0
	for i = 1, 200 do
		if c:keyslot("m" .. i) < 8192 then asked = asked + 1 end
		skynet.fork(function()
			c:incr("m" .. i)
			done = done + 1
		end)
	end
	T.eventually(function() return #waiting == asked end)
	-- The first is answered, and the map is read, before the others are.
	local function answer(from, to)
		for i = from, to do socket.write(waiting[i][1], moved(waiting[i][2], b)) end
	end
	answer(1, 2)
	T.eventually(function() return done == 200 - asked + 2 end)
	c:get "x"
	answer(3, asked)
	T.eventually(function() return done == 200 end)
	c:get "y"
	T.eq(a.maps + b.maps - before, 1)
	c:close_all_connection()
end)

T.test("ASK: one ASKING before each command, in one write, and the map stays", function()
	local a, b = two_nodes(echo)
	local c = connect(a)
	local low = keys(c)
	a.answer = function() return ("-ASK %d 127.0.0.1:%d\r\n"):format(c:keyslot(low), b.port) end
	b.answer = function(text)
		if text == "ASKING" then return OK end
		return text:find "^EXISTS" and ":1\r\n" or bulk(text)
	end
	T.eq(c:incr(low), "INCR " .. low)
	T.eq(c:exists(low), true)
	T.eq(b.got, { "ASKING", "INCR " .. low, "ASKING", "EXISTS " .. low })
	T.eq({ c.slots[c:keyslot(low)].port, a.maps }, { a.port, 1 })
	b.answer = function(text) return text == "ASKING" and OK or "-TRYAGAIN later\r\n" end
	T.raises("TRYAGAIN later", c.mget, c, low, low)
	c:close_all_connection()
end)

T.test("a replica that is read from is told so, also after a reconnect", function()
	local master, replica = two_nodes(echo)
	local gone = true
	local function map() return { { 0, 16383, master, replica } } end
	master.slots, replica.slots = map, map
	replica.answer = function(text)
		if text == "READONLY" then return OK end
		gone = not gone
		if gone then return nil end
		return bulk(text)
	end
	local c = connect(master, { read_slave = true })
	socket.close(master.id)
	c:close_all_connection()
	T.eq(c:get "k", "GET k")
	T.eventually(function() return select(2, pcall(c.get, c, "k")) == "GET k" end)
	T.eq(replica.got[1], "READONLY")
	T.eq(replica.got[2], "GET k")
	local readonly, first = 0, nil
	for i = 3, #replica.got do
		if replica.got[i] == "READONLY" then
			readonly = readonly + 1
			first = first or i
		end
	end
	T.ok(readonly >= 1 and replica.got[first + 1] == "GET k", table.concat(replica.got, ","))
	c:close_all_connection()
end)

T.test("a busy connection that has to make room answers its callers first", function()
	local waiting
	local a, b = two_nodes(echo)
	a.answer = function(text, _, fd)
		waiting = function() socket.write(fd, bulk(text)) end
		return false
	end
	local c = connect(a, { max_connections = 1 })
	local low, high = keys(c)
	local got
	skynet.fork(function() got = c:incr(low) end)
	T.eventually(function() return waiting end)
	T.eq(c:incr(high), "INCR " .. high)
	local count = 0
	for _ in pairs(c.connections) do count = count + 1 end
	T.eq(count, 1)
	waiting()
	T.eventually(function() return got end)
	T.eq(got, "INCR " .. low)
	T.eq({ #a.got, #b.got }, { 1, 1 })
	T.eventually(function() return a.open == 0 end)
	c:close_all_connection()
end)

T.test("an idle connection makes room before a busy one", function()
	local waiting
	local nodes = {}
	for i = 1, 3 do nodes[i] = new_node(echo) end
	local function map() return { { 0, 5460, nodes[1] }, { 5461, 10922, nodes[2] }, { 10923, 16383, nodes[3] } } end
	for i = 1, 3 do nodes[i].slots = map end
	local c = connect(nodes[1], { max_connections = 2 })
	local function call(node, name)
		local i = 0
		while c.slots[c:keyslot("n" .. i)].port ~= node.port do i = i + 1 end
		return c[name](c, "n" .. i)
	end
	nodes[1].answer = function(text, _, fd)
		waiting = function() socket.write(fd, bulk(text)) end
		return false
	end
	local got
	skynet.fork(function() got = call(nodes[1], "incr") end)
	T.eventually(function() return waiting end)
	for _ = 1, 3 do
		call(nodes[2], "incr")
		call(nodes[3], "incr")
	end
	T.ok(c.connections["127.0.0.1:" .. nodes[1].port], "the busy one stays")
	waiting()
	T.eventually(function() return got end)
	c:close_all_connection()
end)

T.test("a node whose map is none is passed over", function()
	local a, b = two_nodes(echo)
	local lines = {
		"*3\r\n:0\r\n:1000000000000\r\n*2\r\n+h\r\n:1\r\n", "*2\r\n:0\r\n:1\r\n", "*3\r\n:0\r\n:1\r\n+x\r\n", ":1\r\n",
		"*3\r\n:0\r\n:1\r\n*2\r\n+h\r\n+x\r\n", "*3\r\n$-1\r\n:1\r\n*2\r\n+h\r\n:1\r\n", "*3\r\n:0\r\n:1\r\n*0\r\n", "*3\r\n:0\r\n:1\r\n*2\r\n:5\r\n:1\r\n",
	}
	for _, line in ipairs(lines) do
		a.raw_slots = "*1\r\n" .. line
		local c = cluster.new { { host = "127.0.0.1", port = a.port }, { host = "127.0.0.1", port = b.port } }
		T.eq(#c.nodes, 2, line)
		T.eq(c:get "k", "GET k")
		c:close_all_connection()
	end
end)

T.test("nodes that are connected to at once do not go beyond the most connections", function()
	local a, b = two_nodes(echo)
	local c = connect(a, { max_connections = 1 })
	local low, high = keys(c)
	local most, done = 0, 0
	for i = 1, 40 do
		skynet.fork(function()
			c:get(i % 2 == 0 and low or high)
			local count = 0
			for _ in pairs(c.connections) do count = count + 1 end
			most, done = math.max(most, count), done + 1
		end)
	end
	T.eventually(function() return done == 40 end)
	T.eq(most, 1)
	-- One that somebody else was busy with is closed, too, when he has done.
	local release
	a.answer = function(_, _, fd)
		release = function() socket.write(fd, OK) end
		return false
	end
	local db = c:get_connection_by_slot(c:keyslot(low))
	local got
	skynet.fork(function() got = db:blpop(low, 0) end)
	T.eventually(function() return release end)
	c:get(high)
	release()
	T.eventually(function() return got end)
	a.answer = echo
	c:get(low)
	c:get(high)
	T.eventually(function() return a.open == 0 end)
	T.eq(b.open, 1)
	c:close_all_connection()
end)

-- Nobody listens there any more, and all who were connected are cut.
local function end_node(node)
	socket.close(node.id)
	node.answer = function() return nil end
end

T.test("a slot whose master has gone is read from a replica, also when the master was in use", function()
	local master, replica = two_nodes(echo)
	master.answer = function(text) return bulk("master " .. text) end
	replica.answer = function(text) return text == "READONLY" and OK or bulk("replica " .. text) end
	local function map() return { { 0, 16383, master, replica } } end
	master.slots, replica.slots = map, map
	local c = connect(master, { read_slave = true })
	T.eq(c:get "k", "master GET k")
	end_node(master)
	T.eq(c:get "k", "replica GET k")
	c:close_all_connection()
end)

T.test("a replica that has come since the map was read is found when the master has gone", function()
	local a, b = two_nodes(echo)
	local replica = new_node(function(text) return text == "READONLY" and OK or bulk("replica " .. text) end)
	local c = connect(b, { read_slave = true })
	local low, high = keys(c)
	T.eq(c:get(low), "GET " .. low)
	b.slots = function() return { { 0, 8191, a, replica }, { 8192, 16383, b } } end
	b.answer = function(text) return text == "GET " .. low and moved(c:keyslot(low), a) or bulk(text) end
	end_node(a)
	pcall(c.get, c, low)
	T.eq(c:get(low), "replica GET " .. low)
	T.eq(c:get(high), "GET " .. high)
	c:close_all_connection()
end)

T.test("a move to a node that cannot be reached is not followed again at once", function()
	local a, b = two_nodes(echo)
	local c = connect(b)
	local low = keys(c)
	b.answer = function() return moved(c:keyslot(low), a) end
	end_node(a)
	local from = skynet.now()
	T.raises("Too many Cluster redirections", c.get, c, low)
	T.within(skynet.now() - from, 30, 200, "as long as the cluster may need to notice")
	c:close_all_connection()
end)

T.test("a subscription moves to another node when its own has gone", function()
	local asked = {}
	local function answer(text, node)
		if text:find "^SUBSCRIBE" then
			asked[#asked + 1] = node
			return ("*3\r\n$9\r\nsubscribe\r\n%s:1\r\n"):format(bulk(text:match " (.*)"))
		end
		return bulk(text)
	end
	local a, b = two_nodes(answer)
	local got
	local c = cluster.new({ host = "127.0.0.1", port = a.port }, nil, function(data) got = data end)
	local low = keys(c)
	local peer
	a.answer = function(text, node, fd)
		peer = fd
		return answer(text, node)
	end
	c:subscribe(low)
	T.eventually(function() return asked[1] == a end)
	skynet.sleep(5)
	end_node(a)
	socket.close(peer)
	b.answer = function(text, node, fd)
		skynet.timeout(5, function() socket.write(fd, "*3\r\n$7\r\nmessage\r\n" .. bulk(low) .. bulk "moved") end)
		return answer(text, node)
	end
	T.eventually(function() return got end)
	T.eq({ got, asked[2] == b }, { "moved", true })
	c:close_all_connection()
end)

T.test("a subscription stays where it is when its slot moves", function()
	local function answer(text)
		local command, name = text:match "^(%S+) (.*)"
		local kind = command:lower()
		return ("*3\r\n%s%s:1\r\n"):format(bulk(kind), bulk(name))
	end
	local a, b = two_nodes(answer)
	local c = connect(a)
	local low, high = keys(c)
	c:subscribe(low, high)
	c:psubscribe(low)
	local function swapped() return { { 0, 8191, b }, { 8192, 16383, a } } end
	a.slots, b.slots = swapped, swapped
	c:initialize_slots_cache()
	c:subscribe(low)
	c:unsubscribe(low, high)
	c:punsubscribe(low)
	local want = ("SUBSCRIBE L,SUBSCRIBE H,PSUBSCRIBE L,SUBSCRIBE L,UNSUBSCRIBE L,UNSUBSCRIBE H,PUNSUBSCRIBE L"):gsub("[LH]", { L = low, H = high })
	T.eventually(function() return table.concat(a.got, ",") == want end)
	T.eq(#b.got, 0)
	c:subscribe(low)
	T.eventually(function() return b.got[1] == "SUBSCRIBE " .. low end)
	c:close_all_connection()
end)

T.test("a caller that is killed while it connects, or reads the map, leaves that to the next one", function()
	local held = 0
	local a = two_nodes(echo)
	a.answer = function(text)
		if text ~= "AUTH word" then return bulk(text) end
		held = held - 1
		return held ~= 0 and OK
	end
	local c = connect(a, { auth = "word" })
	local low = keys(c)
	for _, stale in ipairs { false, true } do
		c:close_all_connection()
		c.stale = stale
		held = 1
		local got
		local victim = skynet.fork(function() c:incr(low) end)
		T.eventually(function() return held == 0 end)
		skynet.fork(function() got = c:incr(low) end)
		skynet.yield()
		skynet.killthread(victim)
		T.eventually(function() return got end)
		T.eq(got, "INCR " .. low)
	end
	c:close_all_connection()
end)

T.run()
