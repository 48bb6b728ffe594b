-- config: cluster_unfinished = 1
-- What cluster calls say beyond skynet: errors, deadlines, bounds on what a peer may leave unfinished, the console.
local skynet = require "skynet"
require "skynet.manager"
local cluster = require "skynet.cluster"
local socket = require "skynet.socket"
local socketchannel = require "skynet.socketchannel"
local driver = require "skynet.socketdriver"
local core = require "skynet.cluster.core"
local console = require "console"
local net = require "net"
local wire = require "cluster_wire"
local T = require "harness"

local port = tonumber(skynet.getenv "port") + 1
local MB = 1024 * 1024
local le, packet, read_packet, scripted = wire.le, wire.packet, wire.read_packet, wire.scripted

-- What is known of the error that a call raises.
local function error_of(...)
	return cluster.error(T.raises("call failed", ...))
end

local echo

T.test("an error names node, address, service and cause, and whether the request was delivered", function()
	echo = skynet.newservice("cluster_peer", "echo")
	cluster.reload { me = "127.0.0.1:" .. port, off = false, refusing = "127.0.0.1:1", [ "no.such.host" ] = "no.such.host.invalid:1" }
	cluster.open "me"
	T.eq(error_of(cluster.call, "refusing", "@x", "echo"),
		{ delivered = "no", node = "refusing", host = "127.0.0.1:1", address = "@x", cause = "Connection refused" })
	local e = error_of(cluster.call, "off", 0x10, "echo")
	T.eq({ e.delivered, e.host, e.address }, { "no", "no address", ":00000010" })
	e = error_of(cluster.call, "no.such.host", ".x", "echo")
	T.eq({ e.delivered, e.node, e.host }, { "no", "no.such.host", "no.such.host.invalid:1" })
	e = error_of(cluster.call, "me", "@nobody", "echo")
	T.eq({ e.delivered, e.cause }, { "yes", "Invalid name" })
	T.eq(error_of(cluster.call, "me", ".echo\0x", "echo").cause, "Invalid name")
	e = error_of(cluster.call, "me", echo, "fail")
	T.eq({ e.delivered, e.address, e.cause }, { "yes", string.format(":%08x", echo), "call failed" })
	e = error_of(cluster.call, "me", 0x00ff1234, "echo")
	T.ok(e.cause:find("no service :00ff1234", 1, true), e.cause)
	T.eq(cluster.error "some other error", nil)
	T.eq(cluster.error(nil), nil)
end)

T.test("an address or a node of a wrong type is an error of the caller", function()
	T.raises("the address is a number or a string, not a table", cluster.call, "me", {}, "echo")
	T.raises("1 to 255 characters", cluster.call, "me", "", "echo")
	for _, handle in ipairs { -1, 1.5, 2 ^ 32, 0 / 0 } do T.raises("is no handle", cluster.call, "me", handle, "echo") end
	T.eq(cluster.call("me", echo + 0.0, "echo", "a handle that was calculated"), "a handle that was calculated")
	T.raises("the name of the node is a string", cluster.call, 5, "@x", "echo")
	T.raises("the name of a node is empty", cluster.call, "", "@x", "echo")
	for _, f in ipairs { cluster.call, cluster.send, cluster.proxy } do
		T.raises("the name of the node is a string, not nil", f, nil, "@x")
		T.raises("the name of the node is a string, not a number", f, 5, "@x")
	end
	T.raises("the name of the node is a string, not nil", cluster.proxy)
	T.raises("the name of a proxy is node.name or node@name, not me", cluster.proxy, "me")
	for _, port in ipairs { false, -1, 65536, 1.5, 0 / 0, {} } do
		T.raises("the name of a node or a port expected, got " .. tostring(port), cluster.open, port)
	end
	T.raises("the number of clients is none: many", cluster.open, 0, "many")
	T.raises("a table of nodes expected, got me", cluster.reload, "me")
	T.raises("has a zero byte in it", cluster.call, "a\0b", "@x", "echo")
	T.raises("the name of a node is empty", cluster.proxy, ".x")
	T.raises("the name of a node is empty", cluster.reload, { [""] = "127.0.0.1:1" })
	T.raises("not \"host:port\"", cluster.reload, { bad = "nowhere" })
	T.raises("not \"host:port\" or false", cluster.reload, { bad = 5 })
end)

T.test("a call that takes longer than its deadline fails; its late answer is nobody else's", function()
	local stop = scripted("slow", function(id, body)
		local session = body:sub(6, 9)
		skynet.fork(function()
			skynet.sleep(session == le(1) and 80 or 0)
			socket.write(id, packet(session .. "\1" .. skynet.packstring(session)))
		end)
	end)
	local e = error_of(function() cluster.within(50):call("slow", 5, "x") end)
	T.eq({ e.delivered, e.cause }, { "maybe", "the deadline has passed" })
	T.eq(cluster.within(500):call("slow", 5, "y"), le(2))
	skynet.sleep(80)
	T.eq(cluster.call("slow", 5, "z"), le(3))
	stop()
end)

T.test("a call that waits for an unknown node until its deadline is never delivered", function()
	local seen = 0
	local e = error_of(function() cluster.within(10):call("later", 5, "x") end)
	T.eq({ e.delivered, e.host }, { "no", "no address" })
	local stop = scripted("later", function(id, body)
		seen = seen + 1
		socket.write(id, packet(body:sub(6, 9) .. "\1" .. skynet.packstring(skynet.unpack(body:sub(10)))))
	end)
	T.eq(cluster.call("later", 5, "y"), "y")
	T.eq(seen, 1)
	stop()
end)

T.test("what waits for a node that is found to be down fails with that cause", function()
	local waiting = net.async(function() return error_of(cluster.call, "waited for", 5, "x") end)
	cluster.send("waited for", 5, "y")
	T.eventually(function()
		for _, link in ipairs(skynet.call(skynet.localname ".clusterd", "lua", "links")) do
			if link.node == "waited for" then return link.in_flight == 1 end
		end
	end)
	cluster.reload { ["waited for"] = false }
	local e = waiting()
	T.eq({ e.delivered, e.cause }, { "no", "the node table says that it is down" })
	cluster.reload { ["waited for"] = "127.0.0.1:1" }
	e = error_of(cluster.call, "waited for", 5, "x")
	T.eq({ e.delivered, e.cause }, { "no", "Connection refused" })
end)

T.test("the deadline of a call is a number that is not negative", function()
	T.raises("a number of 1/100 s expected", cluster.within, "soon")
	T.raises("a number of 1/100 s expected", cluster.within, -1)
end)

T.test("a peer that closes may have had the request; one that answers nonsense is left", function()
	local stop, host = scripted("closing", function() return false end)
	local e = error_of(cluster.call, "closing", 5, "x")
	T.eq({ e.delivered, e.host, e.cause }, { "maybe", host, "the peer closed the connection" })
	stop()
	stop = scripted("nonsense", function(id) socket.write(id, packet "abc") end)
	T.eq(error_of(cluster.call, "nonsense", 5, "x").cause, "what it answers is no answer")
	stop()
end)

T.test("an answer whose parts do not add up is an error", function()
	local parts
	local stop = scripted("parts", function(id, body)
		for _, part in ipairs(parts) do socket.write(id, packet(body:sub(6, 9) .. part)) end
	end)
	for _, case in ipairs {
		{ { "\2" .. le(10), "\4abc" }, "do not add up" },
		{ { "\2" .. le(2), "\3abc" }, "do not add up" },
		{ { "\4abc" }, "without a beginning" },
		{ { "\2" .. le(4294967295) }, "too large" },
	} do
		parts = case[1]
		local e = error_of(cluster.call, "parts", 5, "x")
		T.eq(e.delivered, "yes")
		T.ok(e.cause:find(case[2], 1, true), e.cause)
	end
	parts = { "\1" .. skynet.packstring "fine" }
	T.eq(cluster.call("parts", 5, "x"), "fine")
	stop()
end)

T.test("requests that a peer does not finish are bounded, and others go on", function()
	local id = assert(socket.open("127.0.0.1", port))
	local function write(body) socket.write(id, packet(body)) end
	for _, total in ipairs { 4294967295, 2147483648, 2 * MB } do
		write("\1" .. le(echo) .. le(7) .. le(total))
		T.eq(read_packet(id):sub(1, 22), le(7) .. "\0Invalid large req")
		write("\2" .. le(7) .. ("x"):rep(1000))
	end
	-- Three that are allowed each, and too much together.
	for session = 1, 3 do
		write("\1" .. le(echo) .. le(session) .. le(MB / 2))
		write("\2" .. le(session) .. ("x"):rep(0x8000))
	end
	write("\3" .. le(3) .. "x")
	T.eq(read_packet(id), le(3) .. "\0Invalid large req: too much is unfinished")
	write("\0" .. le(echo) .. le(9) .. skynet.packstring("echo", "alive"))
	T.eq(read_packet(id), le(9) .. "\1" .. skynet.packstring "alive")
	socket.close(id)
end)

T.test("hostile payloads are answered with an error, and the node lives", function()
	local id = assert(socket.open("127.0.0.1", port))
	for i, payload in ipairs { ("\14"):rep(30000), "\254\34\255\255\255\127", "\37\255\255\255\255a", "\7" } do
		socket.write(id, packet("\0" .. le(echo) .. le(i) .. payload))
		T.eq(read_packet(id):sub(1, 5), le(i) .. "\0")
	end
	T.eq(cluster.call("me", echo, "echo", 1), 1)
	socket.close(id)
end)

T.test("messages of one turn leave in order, whatever their size", function()
	local sizes = { 10, 40000, 3, 200000, 100 }
	for i, size in ipairs(sizes) do T.eq(#cluster.call("me", echo, "echo", ("x"):rep(size)), size, i) end
	local answers = {}
	for i, size in ipairs(sizes) do
		answers[i] = net.async(cluster.call, "me", echo, "echo", i, ("y"):rep(size))
	end
	for i, wait in ipairs(answers) do T.eq((wait()), i) end
end)

T.test("a proxy passes errors on, and any name is taken as it is", function()
	skynet.newservice("cluster_peer", "5")
	local proxy = cluster.proxy("me", ".5")
	T.eq(skynet.call(proxy, "lua", "echo", 1, nil, 3), 1)
	T.eq(cluster.error(T.raises("call failed", skynet.call, proxy, "lua", "fail")).address, ".5")
	cluster.register("a name with blanks %20", echo)
	cluster.reload { ["a node"] = "127.0.0.1:" .. port }
	proxy = cluster.proxy("a node", "@a name with blanks %20")
	T.eq(skynet.call(proxy, "lua", "echo", 2), 2)
	T.eq(cluster.error(T.raises("call failed", skynet.call, proxy, "lua", "fail")).node, "a node")
end)

T.test("a handle may be written as text, and may be a float", function()
	T.eq(cluster.call("me", skynet.address(echo), "echo", 1), 1)
	T.eq(cluster.error(T.raises("call failed", cluster.call, "me", ":00ff1234", "echo")).delivered, "yes")
	T.raises("Invalid name", cluster.call, "me", ":none", "echo")
	local proxy = cluster.proxy("me", echo + 0.0)
	T.eq(skynet.call(proxy, "lua", "echo", 2), 2)
	T.eq(cluster.proxy("me", echo), proxy)
	T.raises("is no handle", cluster.proxy, "me", -1)
	T.raises("not a table", cluster.proxy, "me", {})
end)

T.test("open returns a name and nil, or an address and a port", function()
	cluster.reload { opened = "127.0.0.1:" .. port + 9 }
	local function count(...) return select("#", ...), ... end
	T.eq({ count(cluster.open "opened") }, { 2, "opened" })
	T.eq((count(cluster.open(0))), 2)
end)

T.test("the console shows each link", function()
	local fd = console.open()
	socket.write(fd, "cluster\n")
	local text = console.till(fd, ">\n")
	local out, down, into
	for line in text:gmatch "[^\n]+" do
		if line:find("node:me", 1, true) then out = line end
		if line:find("node:off", 1, true) then down = line end
		if line:find("direction:in", 1, true) then into = line end
	end
	T.ok(out and out:find("state:up", 1, true) and out:find("address:127.0.0.1:" .. port, 1, true), text)
	T.ok(out:find("in_flight:0", 1, true) and out:find("errors:%d+") and out:find("since:", 1, true), out)
	T.ok(down and down:find("state:down", 1, true), text)
	T.ok(into and into:find("address:127.0.0.1:", 1, true), text)
	socket.close(fd)
end)

T.test("an agent ends with its connection", function()
	local clusterd = skynet.localname ".clusterd"
	local function incoming()
		local n = 0
		for _, link in ipairs(skynet.call(clusterd, "lua", "links")) do
			if link.direction == "in" then n = n + 1 end
		end
		return n
	end
	local before = incoming()
	local id = assert(socket.open("127.0.0.1", port))
	T.eventually(function() return incoming() == before + 1 end)
	socket.close(id)
	T.eventually(function() return incoming() == before end)
end)

T.test("the core's parts of a large request can be put together again", function()
	local bytes = ("q"):rep(100000)
	local head, next_session, parts = core.packrequest("@x", 5, skynet.pack(bytes))
	T.eq(next_session, 6)
	local list = {}
	local _, _, _, total = core.unpackrequest(head:sub(3))
	core.append(list, nil, total)
	for _, part in ipairs(parts) do
		local _, _, msg, sz = core.unpackrequest(part:sub(3))
		core.append(list, msg, sz)
	end
	local msg, sz = core.concat(list)
	T.eq(skynet.unpack(msg, sz), bytes)
	skynet.trash(msg, sz)
end)

T.test("Lua code can speak the protocol through skynet.socketchannel and the core", function()
	local channel = socketchannel.channel {
		host = "127.0.0.1",
		port = port,
		nodelay = true,
		response = function(connection)
			local size = driver.header(connection:read(2))
			return core.unpackresponse(connection:read(size))
		end,
	}
	local session = 1
	local function request(...)
		local packet, next_session, parts = core.packrequest(echo, session, skynet.pack("echo", ...))
		local mine = session
		session = next_session
		local reply = channel:request(packet, mine, parts)
		if type(reply) == "string" then return skynet.unpack(reply) end
		local msg, sz = core.concat(reply)
		local value = skynet.unpack(msg, sz)
		skynet.trash(msg, sz)
		return value
	end
	T.eq(request "small", "small")
	T.eq(request(("large"):rep(20000)), ("large"):rep(20000))
	T.eq(session, 3)
	local packet = core.packrequest("@nobody", session, skynet.pack(1))
	T.raises("Invalid name", channel.request, channel, packet, session)
	channel:close()
end)

T.run(2000)
