-- gateserver, gate, loginserver, msgserver: what skynet does wrong, and clients that misbehave.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local crypt = require "skynet.crypt"
local net = require "net"
local T = require "harness"

local function open(port) return assert(socket.open(net.host, port)) end

local function frame(text)
	return string.char(math.floor(#text / 256), #text % 256) .. text
end

local function recv(id)
	local head = socket.read(id, 2)
	return head and socket.read(id, socket.header(head))
end

local function events(gate, name)
	local n = 0
	for _, e in ipairs(skynet.call(gate, "lua", "log")) do
		if e[1] == name then n = n + 1 end
	end
	return n
end

T.test("gateserver: what a service sends as an event of a socket is not believed", function()
	local gate = skynet.newservice "net_gate"
	local id = open(skynet.call(gate, "lua", "open", { address = net.host, port = 0 }))
	socket.write(id, frame "first")
	T.eq(recv(id), "first")
	for _, info in ipairs(socket.netstat()) do
		if info.address == gate then skynet.rawsend(gate, "socket", net.forged(info.id)) end
	end
	T.raises("call failed", skynet.rawcall, gate, "socket", net.forged(1))
	socket.write(id, frame "second")
	T.eq(recv(id), "second")
	socket.close(id)
	skynet.kill(gate)
end)

T.test("gateserver: exactly maxclient connections, the others are never heard of", function()
	local gate = skynet.newservice "net_gate"
	local port = skynet.call(gate, "lua", "open", { address = net.host, port = 0, maxclient = 2 })
	local a, b, c = open(port), open(port), open(port)
	for _, id in ipairs { a, b, c } do socket.write(id, frame "in") end
	T.eq({ recv(a), recv(b) }, { "in", "in" })
	T.eq(recv(c), false)
	T.eq(events(gate, "connect"), 2)
	socket.close(a)
	T.eventually(function() return events(gate, "disconnect") == 1 end)
	local d = open(port)
	socket.write(d, frame "free again")
	T.eq(recv(d), "free again")
	for _, id in ipairs { b, c, d } do socket.close(id) end
	T.eventually(function() return events(gate, "disconnect") == 3 end)
	T.eq({ events(gate, "connect"), events(gate, "error") }, { 3, 0 })
end)

T.test("gateserver: numbers may be texts, as the config has them; what is none is refused at open", function()
	local gate = skynet.newservice "net_gate"
	for _, key in ipairs { "maxclient", "sendlimit" } do
		T.raises("call failed", skynet.call, gate, "lua", "open", { address = net.host, port = "0", [key] = "many" })
	end
	local port = skynet.call(gate, "lua", "open", { address = net.host, port = "0", maxclient = "1", sendlimit = "100000" })
	local a, b = open(port), open(port)
	socket.write(a, frame "in")
	T.eq({ recv(a), recv(b) }, { "in", false })
	for _, id in ipairs { a, b } do socket.close(id) end
end)

-- Writes to the connection until it is refused: the bytes that were taken.
local function fill(id)
	local taken = 0
	while taken < 100e6 and driver.send(id, ("x"):rep(100000)) do
		taken = taken + 100000
		skynet.yield()
	end
	return taken
end

T.test("gateserver: beyond sendlimit a client that does not read is cut, whoever writes", function()
	local gate = skynet.newservice "net_gate"
	local port = skynet.call(gate, "lua", "open", { address = net.host, port = 0, sendlimit = 1024 * 1024 })
	local client = open(port)
	socket.pause(client)
	local id = T.eventually(function() return skynet.call(gate, "lua", "log")[1] end)[2]
	T.within(fill(id), 1024 * 1024, 50e6)
	T.eventually(function() return events(gate, "error") == 1 end)
	socket.close(client)
end)

T.test("gateserver: an open that fails can be repeated", function()
	local gate = skynet.newservice "net_gate"
	T.eq(pcall(skynet.call, gate, "lua", "open", { address = net.host, port = 0, fail = true }), false)
	local port = skynet.call(gate, "lua", "open", { address = net.host, port = 0, fail = true })
	local a = open(port)
	socket.write(a, frame "x")
	T.eq(recv(a), "x")
	socket.close(a)
	local held = socket.listen(net.host, 0)
	socket.close(held)
end)

T.test("gateserver: a second open is refused, and what the first one asked for holds", function()
	local gate = skynet.newservice "net_gate"
	local port = skynet.call(gate, "lua", "open", { address = net.host, port = 0, maxclient = 1 })
	T.eq(pcall(skynet.call, gate, "lua", "open", { address = net.host, port = 0 }), false)
	local a, b = open(port), open(port)
	socket.write(a, frame "in")
	T.eq(recv(a), "in")
	T.eq(recv(b), false)
	T.eq(events(gate, "connect"), 1)
	for _, id in ipairs { a, b } do socket.close(id) end
end)

T.test("gateserver: a port that is taken fails the open only", function()
	local listener, _, port = socket.listen(net.host, 0)
	local gate = skynet.newservice "net_gate"
	T.eq(pcall(skynet.call, gate, "lua", "open", { address = net.host, port = port }), false)
	socket.close(listener)
	T.ok(skynet.call(gate, "lua", "open", { address = net.host, port = 0 }))
end)

T.test("gate: an id whose peer has closed is freed without a kick", function()
	local before = net.count "TCP"
	local dog = skynet.newservice "net_dog"
	local _, port = skynet.call(dog, "lua", "open", { address = net.host, port = 0 })
	for _ = 1, 10 do
		local id = open(port)
		socket.write(id, frame "hello")
		socket.close(id)
	end
	T.eventually(function()
		local n = 0
		for _, e in ipairs(skynet.call(dog, "lua", "events")) do
			if e == "close" then n = n + 1 end
		end
		return n == 10
	end)
	T.eventually(function() return net.count "TCP" <= before end)
end)

T.test("gate: what a peer has asked for before it ended its side is answered, also when the watchdog is faster", function()
	local gate = skynet.newservice "gate"
	skynet.dispatch("lua", function(_, _, _, event, fd)
		if event == "open" then
			skynet.call(gate, "lua", "forward", fd)
		elseif event == "close" then
			skynet.call(gate, "lua", "kick", fd)
		end
	end)
	skynet.register_protocol {
		name = "client", id = skynet.PTYPE_CLIENT, unpack = skynet.tostring,
		dispatch = function(fd, _, text)
			skynet.ignoreret()
			skynet.sleep(3)
			socket.write(fd, frame(text .. " you"))
		end,
	}
	local before = net.count "TCP"
	local _, port = skynet.call(gate, "lua", "open", { address = net.host, port = 0 })
	T.eq(net.ask_and_end(port, frame "hello"), frame "hello you")
	T.eventually(function() return net.count "TCP" <= before end)
end)

local told -- what the gate in C says to its watchdog, this service

skynet.register_protocol {
	name = "text", id = skynet.PTYPE_TEXT, unpack = skynet.tostring,
	dispatch = function(_, _, text)
		told[#told + 1] = text
		skynet.ignoreret()
	end,
}

T.test("gate in C: beyond sendlimit a client that does not read is cut", function()
	told = {}
	local listener, _, port = socket.listen(net.host, 0)
	socket.close(listener)
	local launch = ("S %s %s:%d 0 4 "):format(skynet.address(skynet.self()), net.host, port)
	T.eq(skynet.launch("gate", launch .. "sendlimit=much"), nil)
	local gate = assert(skynet.launch("gate", launch .. "sendlimit=1048576"))
	local client = open(port)
	socket.pause(client)
	local id = T.eventually(function() return told[1] end):match "^(%d+) open"
	T.within(fill(tonumber(id)), 1024 * 1024, 50e6)
	T.eventually(function() return told[2] == id .. " close" end)
	socket.close(client)
	skynet.kill(gate)
end)

T.test("gate in C: what a service sends as an event of a socket is not believed", function()
	told = {}
	local listener, _, port = socket.listen(net.host, 0)
	socket.close(listener)
	local dog = skynet.address(skynet.self())
	local gate = assert(skynet.launch("gate", ("S %s %s:%d 0 4"):format(dog, net.host, port)))
	skynet.rawsend(gate, "socket", net.forged(1))
	skynet.rawsend(gate, "socket", "cut")
	skynet.rawsend(gate, "socket", "")
	local id = open(port)
	T.eventually(function() return told[1] and told[1]:match "^%d+ open %d+ " end)
	socket.close(id)
	skynet.kill(gate)
end)

-- ---- login ------------------------------------------------------------------------------------

local login_port = tonumber(skynet.getenv "port")
local b64, unb64 = crypt.base64encode, crypt.base64decode

local function log_in(token)
	local id = open(login_port)
	local challenge = unb64((socket.readline(id)))
	local key = crypt.randomkey()
	socket.write(id, b64(crypt.dhexchange(key)) .. "\n")
	local secret = crypt.dhsecret(unb64((socket.readline(id))), key)
	socket.write(id, b64(crypt.hmac64(challenge, secret)) .. "\n" .. b64(crypt.desencode(secret, token)) .. "\n")
	local line = socket.readline(id)
	return line, id
end

T.test("login: the server closes after its answer", function()
	skynet.newservice "net_login"
	local line, id = log_in "token"
	T.eq(line, "200 " .. b64 "42")
	T.eq({ socket.read(id) }, { false, "" })
	socket.close(id)
	line, id = log_in "other"
	T.eq(line, "401 Unauthorized")
	T.eq({ socket.read(id) }, { false, "" })
	socket.close(id)
end)

T.test("login: when the task of a login is killed its client is cut off, and may log in again", function()
	local wait = net.async(log_in, "stuck")
	local name = T.eventually(function() return skynet.getenv "stuck_login" end)
	skynet.call(skynet.localname ".hasty", "debug", "KILLTASK", name)
	local line, id = wait()
	T.eq(line, false)
	socket.close(id)
	line, id = log_in "stuck"
	T.eq(line, "200 " .. b64 "42")
	socket.close(id)
end)

T.test("login: a master that ends ends its clients, also those that a slave is busy with", function()
	local master = skynet.localname ".hasty"
	local result = net.async(log_in, "slow")
	T.eventually(function() return skynet.getenv "slow_login" end)
	skynet.kill(master)
	local line, id = result()
	T.eq(line, false)
	socket.close(id)
	-- its port is free a moment later
	T.eventually(function() return not skynet.localname ".hasty" and pcall(skynet.newservice, "net_login") end)
end)

T.test("login: a client that says nothing is cut off, others are served meanwhile", function()
	local silent = {}
	for i = 1, 8 do silent[i] = open(login_port) end
	local line, id = log_in "token"
	T.eq(line, "200 " .. b64 "42")
	socket.close(id)
	for i = 1, 8 do
		T.eq(#socket.readline(silent[i]), 12)
		T.eq({ socket.read(silent[i]) }, { false, "" })
		socket.close(silent[i])
	end
end)

-- ---- msgserver --------------------------------------------------------------------------------

local SECRET = "\1\2\3\4\5\6\7\8"
local msg, msg_port, username

local function hello(id, index)
	local text = username .. ":" .. index
	socket.write(id, frame(text .. ":" .. b64(crypt.hmac_hash(SECRET, text))))
	return recv(id)
end

-- The answer to a request on a connection of its own.
local function answer_to(index, request)
	local id = open(msg_port)
	T.eq(hello(id, index), "200 OK")
	socket.write(id, frame(request))
	local reply = recv(id)
	socket.close(id)
	return reply
end

T.test("msgserver: a client that says nothing is cut off", function()
	msg = skynet.newservice "net_msg"
	msg_port = tonumber(skynet.getenv "port") + 1
	skynet.call(msg, "lua", "open", { address = net.host, port = msg_port, servername = "s" })
	username = skynet.call(msg, "lua", "login", "alice", SECRET)
	local id = open(msg_port)
	T.eq({ socket.read(id) }, { false, "" })
	socket.close(id)
	T.eq(skynet.call(msg, "lua", "kick"), 0)
end)

T.test("msgserver: a new connection of a user replaces the one before, silently", function()
	local old = open(msg_port)
	T.eq(hello(old, 1), "200 OK")
	local new = open(msg_port)
	T.eq(hello(new, 2), "200 OK")
	T.eq(recv(old), false)
	T.eq(skynet.call(msg, "lua", "kick"), 0)
	socket.write(new, frame "still there\0\0\0\1")
	T.eq(recv(new), "still there\1\0\0\0\1")
	socket.close(old)
	socket.close(new)
	T.eventually(function() return skynet.call(msg, "lua", "kick") == 1 end)
end)

T.test("msgserver: a reply that is no string counts as an error", function()
	T.eq(answer_to(3, "number\0\0\0\9"), "\0\0\0\0\9")
end)

T.test("msgserver: a request may be passed on as a message of type client", function()
	T.eq(answer_to(4, "pass on\0\0\0\10"), "agent: pass on\1\0\0\0\10")
end)

T.test("msgserver: a request whose task is killed counts as an error", function()
	local wait = net.async(answer_to, 5, "stuck\0\0\0\11")
	local name = T.eventually(function() return skynet.getenv "stuck_request" end)
	skynet.call(msg, "debug", "KILLTASK", name)
	T.eq(wait(), "\0\0\0\0\11")
end)

T.test("msgserver: an index that no double holds is a bad request", function()
	local id = open(msg_port)
	T.eq(hello(id, "99999999999999999999"), "400 Bad Request")
	T.eq(recv(id), false)
	socket.close(id)
end)

T.run(2000)
