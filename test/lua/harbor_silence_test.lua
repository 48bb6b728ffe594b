-- timeout: 90
-- Nodes of a harbor network that hang, and hosts that vanish: nobody waits for them for ever.
local skynet = require "skynet"
local socket = require "skynet.socket"
local contents = require("cluster_wire").contents
local end_with_test = require "end_with_test"
local network = require "network"
local other_node = require "other_node"
local shell = require "shell"
local master = require "skynet.harbor.master"
local T = require "harness"

local port = tonumber(skynet.getenv "port")

local function await(log, text, ticks)
	T.eventually(function() return contents(log):find(text, 1, true) end, ticks, text)
end

T.test("a node starts although one that the master knows does not connect, which may still come", function()
	local slaves = {}
	socket.start((socket.listen("127.0.0.1", port + 1)), function(id)
		socket.start(id)
		T.eq({ master.read(id) }, { "H", 2, "127.0.0.1:" .. (port + 2) })
		socket.write(id, master.encode("W", 1))
		slaves[#slaves + 1] = id
	end)
	local node = other_node.start("harbor_node", {
		harbor = 2, address = "127.0.0.1:" .. (port + 2), master = "127.0.0.1:" .. (port + 1), global_name = "",
	})
	end_with_test(node.pid)
	await(node.log, "Waiting for 1 harbors", 1000)
	await(node.log, "The start goes on", 3000)
	T.eq({ master.read(slaves[1]) }, { "Q", "SERVICE" }, "what comes next in the start")
	local late = assert(socket.open("127.0.0.1", port + 2))
	socket.write(late, "\9")
	T.eq(socket.read(late, 1), "\2")
end)

T.test("master and slave miss each other when a host has vanished, and another one takes its id", function()
	local net = network.new()
	if not net then
		skynet.error "this machine lets nobody make a network of its own: nothing to see"
		return
	end
	local logs = {}
	local at
	local function start(name, id)
		local address, inside = net:host(name)
		at = at or address .. ":2527"
		local command, log = other_node.command("harbor_node", {
			harbor = id, address = address .. ":2526", master = at, standalone = id == 1 and at or nil, global_name = "NODE" .. id,
		})
		end_with_test(shell(inside .. command .. " & echo $!"))
		logs[name] = log
	end
	start("first", 1)
	await(logs.first, "Harbor 1 (fd", 1000)
	start("second", 2)
	await(logs.first, "Harbor 2 (fd", 1000)
	await(logs.second, "LAUNCH snlua harbor_node", 1000)
	net:cut "second"
	await(logs.first, "(harbor 2)", 4500)
	await(logs.second, "Lost the master at", 1000)
	start("third", 2)
	await(logs.third, "LAUNCH snlua harbor_node", 1000)
end)

T.run(7000)
