-- needs: etcd
-- timeout: 150
-- config: cluster_etcd = "http://127.0.0.1:" .. (port + 1)
-- config: cluster_ttl = 3
-- config: cluster_listen = "127.0.0.1:" .. (port + 3)
-- config: node = "first"
-- Nodes that find each other in etcd: they come, go, die, stop; etcd is away, and comes back.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local console = require "console"
local socket = require "skynet.socket"
local discovery_nodes = require "discovery_nodes"
local etcd_server = require "etcd_server"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local TTL_TICKS = 300
local etcd = etcd_server.new(port + 1)
local nodes, start_node = discovery_nodes(etcd.url, { role = "match" })
local events = {}

-- The names of all nodes.
local function known()
	local list = {}
	for i, node in ipairs(cluster.nodes()) do list[i] = node.name end
	return table.concat(list, " ")
end

-- Waits until these nodes are known, and says in the log how long it took.
local function await(names, what)
	local begun = skynet.now()
	T.eventually(function() return known() == names end, 2000, names)
	skynet.error(string.format("%s: %d ms", what, (skynet.now() - begun) * 10))
end

local function log_has(node, text)
	local file = io.open(node.log)
	if not file then return false end
	local all = file:read "*a"
	file:close()
	return all:find(text, 1, true)
end

T.test("a node starts without an etcd, and registers once there is one", function()
	T.eq(known(), "")
	cluster.watch(function(event, node) events[#events + 1] = event .. " " .. node.name end)
	etcd:start()
	await("first", "joined after etcd came")
	T.eventually(function() return events[1] end)
	T.eq(events, { "join first" })
end)

T.test("nodes find each other, and are called without a table of nodes", function()
	start_node("second", 4)
	start_node("third", 5)
	await("first second third", "two nodes joined")
	T.eq({ cluster.call("second", "@echo", "who", 1, nil, 3) }, { "second", 1, nil, 3 })
	T.eventually(function() return cluster.call("third", "@echo", "nodes") == "first second third" end)
	local list = cluster.nodes()
	T.eq(list[2], { name = "second", address = "127.0.0.1:" .. (port + 4), role = "match", state = "up" })
	T.eventually(function() return #events == 3 end)
	table.sort(events)
	T.eq(events, { "join first", "join second", "join third" })
end)

T.test("the nodes of a role are called in turn", function()
	local count = { second = 0, third = 0 }
	for _ = 1, 10 do
		local name = cluster.call("match/*", "@echo", "who")
		count[name] = count[name] + 1
	end
	T.eq(count, { second = 5, third = 5 })
	T.eq(cluster.broadcast("match/*", "@echo", "who"), 2)
	T.raises("\"role/*\", not second", cluster.broadcast, "second", "@echo", "who")
end)

T.test("a key always finds the same node, and keys spread over all", function()
	local places, count = {}, { second = 0, third = 0 }
	for i = 1, 40 do
		places[i] = cluster.call("match/#player" .. i, "@echo", "who")
		count[places[i]] = count[places[i]] + 1
	end
	for i = 1, 40 do T.eq(cluster.within(500):call("match/#player" .. i, "@echo", "who"), places[i]) end
	T.ok(count.second >= 8 and count.third >= 8, T.show(count))
end)

T.test("a role that no node has is an error that says so", function()
	local e = cluster.error(T.raises("no node of the role nobody is up", cluster.call, "nobody/*", "@echo", "who"))
	T.eq({ e.delivered, e.node, e.address }, { "no", "nobody/*", "@echo" })
	T.raises("node nobody/#7 at", cluster.call, "nobody/#7", "@echo", "who")
	cluster.send("nobody/*", "@echo", "who")
end)

T.test("the console shows the nodes, and how this one stands", function()
	local fd = console.open()
	socket.write(fd, "nodes\n")
	local text = console.till(fd, "<CMD OK>")
	T.ok(text:find("role:match", 1, true) and text:find("name:second", 1, true), text)
	T.ok(text:find("etcd:answers", 1, true) and text:find("registered:true", 1, true), text)
	socket.close(fd)
end)

T.test("an entry of the table of nodes wins over what discovery has found", function()
	cluster.reload { second = "127.0.0.1:" .. (port + 5) }
	T.eventually(function()
		local ok, name = pcall(cluster.call, "second", "@echo", "who")
		return ok and name == "third"
	end)
	cluster.reload { second = "127.0.0.1:" .. (port + 4) }
	T.eventually(function()
		local ok, name = pcall(cluster.call, "second", "@echo", "who")
		return ok and name == "second"
	end)
end)

T.test("a second node of the same name is refused, and says who has it", function()
	local third, begun = nodes.third, skynet.now()
	local thief = start_node("third", 6)
	nodes.third = third
	T.eventually(function() return log_has(thief, "another node is called third, at 127.0.0.1:" .. (port + 5)) end, 2000)
	T.eventually(function() return not io.open("/proc/" .. thief.pid .. "/stat") end, 1000)
	skynet.error(string.format("a second node of the name has ended: %d ms", (skynet.now() - begun) * 10))
	T.eq(cluster.call("third", "@echo", "who"), "third")
	T.eq(known(), "first second third")
end)

T.test("a node that is killed is out once its lease has ended, and its calls fail", function()
	local victim = start_node("victim", 7, { role = "other" })
	await("first second third victim", "joined")
	local failed
	skynet.fork(function()
		failed = cluster.error(select(2, pcall(cluster.call, "victim", "@echo", "slow", 10000)))
	end)
	T.eq(cluster.call("victim", "@echo", "who"), "victim")
	victim:signal "KILL"
	T.eventually(function() return failed end)
	T.eq({ failed.delivered, failed.node }, { "maybe", "victim" })
	await("first second third", "out after kill -9")
	local e = cluster.error(T.raises("its lease has ended", cluster.call, "victim", "@echo", "who"))
	T.eq(e.delivered, "no")
	T.raises("no node of the role other is up", cluster.call, "other/*", "@echo", "who")
end)

T.test("it comes back under its name, and is called again", function()
	local victim = start_node("victim", 7, { role = "other" })
	await("first second third victim", "came back")
	T.eq(cluster.call("other/*", "@echo", "who"), "victim")
	victim:signal "KILL"
	-- The entry of its earlier run is still there: the address tells that it is its own.
	start_node("victim", 7, { role = "other" })
	T.eventually(function()
		local ok, name = pcall(cluster.call, "victim", "@echo", "who")
		return ok and name == "victim"
	end, 1000)
end)

T.test("a node that is stopped for long is out, and back when it goes on", function()
	nodes.victim:signal "STOP"
	await("first second third", "out after SIGSTOP")
	nodes.victim:signal "CONT"
	await("first second third victim", "back after SIGCONT")
	T.eventually(function()
		local ok, name = pcall(cluster.call, "victim", "@echo", "who")
		return ok and name == "victim"
	end, 1000)
end)

T.test("a node that gets SIGTERM answers what is under way, and is not asked any more", function()
	events = {}
	local answers = 0
	for i = 1, 50 do
		skynet.fork(function()
			if select(2, cluster.call("victim", "@echo", "slow", 100, i)) == i then answers = answers + 1 end
		end)
	end
	T.eq(cluster.call("victim", "@echo", "who"), "victim")
	nodes.victim:signal "TERM"
	T.eventually(function() return events[1] == "drain victim" end, 1000)
	T.raises("no node of the role other is up", cluster.call, "other/*", "@echo", "who")
	T.eventually(function() return answers == 50 end)
	await("first second third", "left in order")
	T.eq(events, { "drain victim", "leave victim" })
	local e = cluster.error(T.raises("it has left the cluster", cluster.call, "victim", "@echo", "who"))
	T.eq(e.delivered, "no")
	T.eventually(function() return not io.open("/proc/" .. nodes.victim.pid .. "/stat") end, 1000)
end)

T.test("an etcd that is away for longer than leases last changes nothing", function()
	events = {}
	etcd:signal "STOP"
	skynet.sleep(TTL_TICKS * 2)
	T.eq(known(), "first second third")
	T.eq(cluster.call("match/*", "@echo", "who") ~= nil, true)
	etcd:signal "CONT"
	skynet.sleep(TTL_TICKS)
	T.eq({ known(), events }, { "first second third", {} })
	T.eq(cluster.call("third", "@echo", "nodes"), "first second third")
end)

T.test("nor does an etcd that is killed and started again", function()
	etcd:signal "KILL"
	skynet.sleep(TTL_TICKS)
	T.eq(known(), "first second third")
	T.eq(cluster.call("second", "@echo", "who"), "second")
	etcd:start()
	skynet.sleep(TTL_TICKS)
	T.eq({ known(), events }, { "first second third", {} })
	start_node("fourth", 8)
	await("first fourth second third", "joined at the new etcd")
end)

T.test("no service of a node was told what it does not know", function()
	for _, node in pairs(nodes) do T.ok(not log_has(node, "Unknown session"), node.log) end
	for _, node in pairs(nodes) do node:signal "KILL" end
	etcd:signal "KILL"
end)

T.run(4000)
