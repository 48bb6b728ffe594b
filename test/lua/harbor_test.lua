-- config: harbor = 1
-- config: standalone = "127.0.0.1:" .. (port + 1)
-- config: master = "127.0.0.1:" .. (port + 1)
-- config: address = "127.0.0.1:" .. (port + 2)
-- Nodes of a harbor network that die, stop and come back, and peers that send anything.
local skynet = require "skynet"
require "skynet.manager"
local datacenter = require "skynet.datacenter"
local harbor = require "skynet.harbor"
local socket = require "skynet.socket"
local master = require "skynet.harbor.master"
local end_with_test = require "end_with_test"
local shell = require "shell"
local signal = require "signal"
local T = require "harness"

local HOST = "127.0.0.1"
local port = tonumber(skynet.getenv "port")
local second

-- Starts a node of the same executable, which registers its name. The master is this node's unless one is named.
local function start_node(id, name, master_address)
	local config = { thread = 2, harbor = id, bootstrap = "snlua bootstrap", start = "harbor_node", global_name = name }
	config.master = master_address or HOST .. ":" .. (port + 1)
	config.address = HOST .. ":" .. (port + 2 + id)
	for _, key in ipairs { "root", "luaservice", "lualoader", "lua_path", "lua_cpath", "cpath", "snax", "engine" } do
		config[key] = skynet.getenv(key)
	end
	local file = assert(io.open(name .. ".config", "w"))
	for key, value in pairs(config) do file:write(("%s = %q\n"):format(key, tostring(value))) end
	file:close()
	end_with_test(shell(("'%s' %s.config >>%s.log 2>&1 </dev/null & echo $!"):format(shell "readlink /proc/$PPID/exe", name, name)))
end

local function kill(handle)
	signal(skynet.call(handle, "lua", "pid"), "KILL")
end

-- Calls that are under way: how many have ended, and how.
local function calls(count, handle, ...)
	local state = { good = 0, failed = 0 }
	for _ = 1, count do
		skynet.fork(function(...)
			local ok, err = pcall(skynet.call, handle, "lua", ...)
			if ok then
				state.good = state.good + 1
			else
				state.failed = state.failed + 1
				state.err = tostring(err)
			end
		end, ...)
	end
	return state
end

T.test("two nodes call each other", function()
	start_node(2, "SECOND")
	second = harbor.queryname "SECOND"
	T.eq(math.floor(second / 0x1000000), 2)
	T.eq({ skynet.call(second, "lua", "echo", 1, nil, "x") }, { 1, nil, "x" })
	skynet.dispatch("lua", function(_, _, ...) skynet.retpack("first", ...) end)
	T.eq({ skynet.call(second, "lua", "call", skynet.self(), 7) }, { "first", 7 })
end)

T.test("a name that is too long for a global one is an error of its user, and nobody else's name", function()
	local sixteen, seventeen = ("S"):rep(16), ("S"):rep(17)
	harbor.globalname(sixteen)
	T.eq(skynet.call(second, "lua", "call", sixteen, 1), "first")
	for _, name in ipairs { seventeen, "" } do
		T.raises("call failed", harbor.queryname, name)
		T.raises("invalid address " .. name, skynet.call, name, "lua", 1)
		T.eq(skynet.send(name, "lua", 1), nil)
	end
	T.raises("call failed", harbor.queryname)
	harbor.globalname(seventeen)
	harbor.globalname("NO HANDLE", 0)
	-- The master has not closed the connection: a name still gets to the other node.
	harbor.globalname "AFTER"
	T.eq(skynet.call(second, "lua", "call", "AFTER", 2), "first")
	T.eq(skynet.call("SECOND", "lua", "echo", 3), 3)
end)

T.test("a request or an answer of 16 MB is an error of who asks", function()
	local good = ("x"):rep(15 * 1024 * 1024)
	T.eq(#skynet.call(second, "lua", "echo", good), #good)
	T.raises("the message is too large for another node", skynet.call, second, "lua", "echo", good .. good)
	T.raises("call failed", skynet.call, second, "lua", "bytes", 2 ^ 24)
	T.eq(skynet.call(second, "lua", "echo", 1), 1)
end)

T.test("a channel of another node stays subscribed when one subscriber leaves while another comes", function()
	local multicastd = skynet.uniqueservice "multicastd"
	local channel = 256 + 2
	local asked, left = {}, 0
	-- This service stands for the other node's multicastd.
	datacenter.set("multicast", 2, skynet.self())
	skynet.dispatch("lua", function(_, _, name)
		if name == "SUBR" then
			asked[#asked + 1] = skynet.response()
		elseif name == "USUBR" then
			left = left + 1
		end
	end)
	local function as(subscriber, name)
		skynet.redirect(multicastd, subscriber, "lua", 0, skynet.pack(name, channel))
	end
	local first, other = skynet.self(), skynet.localname ".launcher"
	as(first, "SUB")
	as(other, "SUB")
	T.eventually(function() return #asked == 2 end)
	asked[1](true)
	as(first, "USUB")
	asked[2](true)
	skynet.call(multicastd, "lua", "SUB", 256 * 1000 + 1) -- all before this one are done
	T.eq(left, 0)
	as(other, "USUB")
	T.eventually(function() return left == 1 end)
	datacenter.set("multicast", 2, nil)
end)

T.test("a node that is stopped for a while answers all afterwards", function()
	local pid = skynet.call(second, "lua", "pid")
	signal(pid, "STOP")
	local state = calls(1000, second, "echo", "late")
	skynet.sleep(100)
	T.eq(state.good + state.failed, 0)
	signal(pid, "CONT")
	T.eventually(function() return state.good == 1000 end)
	T.eq(state.failed, 0)
end)

T.test("random bytes on the master's port do no harm to the nodes", function()
	local random = T.random(7)
	for _ = 1, 30 do
		local id = assert(socket.open(HOST, port + 1))
		socket.write(id, T.random_bytes(random, random(400)))
		T.eq(skynet.call(second, "lua", "echo", "still here"), "still here")
		socket.close(id)
	end
	-- Nobody took such a connection for a node.
	T.eq(skynet.call("SECOND", "lua", "echo", 1), 1)
end)

T.test("when a node is killed, all calls to it fail within a second, and name it", function()
	local state = calls(1000, second, "hang")
	local down
	skynet.fork(function()
		harbor.link(2)
		down = true
	end)
	kill(second)
	T.eventually(function() return state.failed == 1000 end, 100, "within a second")
	T.eq(state.good, 0)
	T.ok(state.err:find("call failed", 1, true) and state.err:find("harbor 2 is down", 1, true), state.err)
	T.eventually(function() return down end)
end)

T.test("a call to a node that is down fails at once, by handle and by name", function()
	T.raises("harbor 2 is down", skynet.call, second, "lua", "echo")
	T.raises("harbor 2 is down", skynet.call, "SECOND", "lua", "echo")
	skynet.send(second, "lua", "echo")
end)

T.test("a node comes back with its id and its name", function()
	start_node(2, "SECOND")
	local answer
	T.eventually(function()
		local ok, value = pcall(skynet.call, "SECOND", "lua", "echo", "again")
		answer = ok and value
		return answer
	end, 1000)
	T.eq(answer, "again")
	second = harbor.queryname "SECOND"
	T.eq(skynet.call(second, "lua", "echo", 2), 2)
end)

T.test("an id that is in use is refused, and the node that has it stays", function()
	start_node(2, "THIEF")
	T.eventually(function()
		local file = io.open "THIEF.log"
		local text = file and file:read "*a" or ""
		if file then file:close() end
		return text:find("refuses harbor 2", 1, true) or text:find("cannot listen", 1, true)
	end, 1000)
	T.eq(skynet.call(second, "lua", "echo", 3), 3)
end)

T.test("a third node calls the second one", function()
	start_node(3, "THIRD")
	T.eq({ skynet.call("THIRD", "lua", "call", "SECOND", "echo", 9) }, { 9 })
	kill(second)
	T.eventually(function() return not pcall(skynet.call, second, "lua", "echo") end)
	T.raises("call failed", skynet.call, "THIRD", "lua", "call", second, "echo")
	T.eq(skynet.call("THIRD", "lua", "echo", 10), 10)
	kill(harbor.queryname "THIRD")
end)

T.test("a frame that is too short ends its connection", function()
	local accepted
	local listener = socket.listen(HOST, port + 9)
	socket.start(listener, function(id)
		socket.start(id)
		accepted = id
	end)
	local slave = assert(socket.open(HOST, port + 1))
	socket.write(slave, master.encode("H", 9, HOST .. ":" .. (port + 9)))
	T.eventually(function() return accepted end)
	T.eq(socket.read(accepted, 1), "\1")
	socket.write(accepted, "\9\0\0\0\11")
	T.eq(socket.read(accepted, 1), false)
	T.raises("harbor 9 is down", skynet.call, 0x09000001, "lua", "x")
	for _, id in ipairs { accepted, listener, slave } do socket.close(id) end
end)

T.test("a node starts when another one connects to it before the master has answered", function()
	local slave
	local listener = socket.listen(HOST, port + 10)
	socket.start(listener, function(id)
		socket.start(id)
		slave = id
	end)
	start_node(4, "FOURTH", HOST .. ":" .. (port + 10))
	T.eventually(function() return slave end, 1000)
	local function packet() return skynet.unpack(socket.read(slave, socket.read(slave, 1):byte())) end
	T.eq({ packet() }, { "H", 4, HOST .. ":" .. (port + 6) })
	local node = assert(socket.open(HOST, port + 6))
	socket.write(node, "\8")
	T.eq(socket.read(node, 1), "\4") -- it has taken harbor 8 in
	socket.write(slave, master.encode("W", 1))
	T.eq({ packet() }, { "Q", "SERVICE" }) -- its next service asks for the master's one
	for _, id in ipairs { node, slave, listener } do socket.close(id) end
end)

T.run(2000)
