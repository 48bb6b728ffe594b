-- timeout: 120
-- Links between nodes when the other node ends, stops, moves or speaks nonsense.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local socket = require "skynet.socket"
local other_node = require "other_node"
local net = require "net"
local T = require "harness"

local first_port = tonumber(skynet.getenv "port")
local peer

local function start(port)
	peer = other_node.start("cluster_peer", { listen = port })
	cluster.reload { peer = "127.0.0.1:" .. port }
	T.eventually(function()
		local ok, value = pcall(cluster.call, "peer", "@peer", "echo", "there")
		return ok and value == "there"
	end, 1000, "the peer answers")
end

T.test("10,000 calls in flight get their own answers", function()
	start(first_port)
	local result = net.many(10000, function(i) return cluster.call("peer", "@peer", "hold", i) end)
	T.eventually(function() return cluster.call("peer", "@peer", "held") == 10000 end, 1000)
	cluster.call("peer", "@peer", "release")
	T.eventually(function() return result.ended == 10000 end, 1000)
	T.eq({ result.right, result.wrong, result.failed }, { 10000, 0, 0 })
end)

T.test("a peer that is killed fails all calls in flight, none hangs and none is answered", function()
	local result = net.many(1000, function(i) return cluster.call("peer", "@peer", "hold", i) end)
	T.eventually(function() return cluster.call("peer", "@peer", "held") == 1000 end, 1000)
	peer:signal "KILL"
	T.eventually(function() return result.ended == 1000 end, 100, "within a second")
	T.eq({ result.right, result.wrong, result.failed }, { 0, 0, 1000 })
	for _, err in ipairs(result.errors) do
		local e = cluster.error(err)
		T.eq({ e.delivered, e.node, e.host, e.address }, { "maybe", "peer", "127.0.0.1:" .. first_port, "@peer" })
	end
end)

T.test("while it is gone calls fail with the cause, and were not delivered", function()
	local err = T.raises("call failed", cluster.call, "peer", "@peer", "echo", 1)
	local e = cluster.error(err)
	T.eq({ e.delivered, e.node, e.host, e.address, e.cause },
		{ "no", "peer", "127.0.0.1:" .. first_port, "@peer", "Connection refused" })
	-- Attempts are made with growing pauses, each call sees one of its own.
	for _ = 1, 10 do T.raises("Connection refused", cluster.call, "peer", "@peer", "echo", 1) end
end)

T.test("when it is back calls work again", function()
	peer = other_node.start("cluster_peer", { listen = first_port })
	local value
	T.eventually(function()
		local ok
		ok, value = pcall(cluster.call, "peer", "@peer", "echo", "back")
		return ok
	end, 1000)
	T.eq(value, "back")
end)

T.test("a peer that is stopped for 5 seconds goes on where it was", function()
	peer:signal "STOP"
	local result = net.many(200, function(i) return cluster.call("peer", "@peer", "echo", i) end)
	for i = 1, 100 do cluster.send("peer", "@peer", "push", i) end
	local late = net.async(function()
		return T.raises("the deadline has passed", function() cluster.within(50):call("peer", "@peer", "echo", 1) end)
	end)
	T.eq(cluster.error(late()).delivered, "maybe")
	skynet.sleep(500)
	T.eq(result.ended, 0)
	peer:signal "CONT"
	T.eventually(function() return result.ended == 200 end)
	T.eq({ result.right, result.wrong, result.failed }, { 200, 0, 0 })
	local pushed = cluster.call("peer", "@peer", "pushed")
	T.eq(#pushed, 100)
	for i = 1, 100 do T.eq(pushed[i], i) end
end)

T.test("a node that has moved is called at its new address after a reload", function()
	peer:signal "KILL"
	local moved = other_node.start("cluster_peer", { listen = first_port + 1 })
	cluster.reload { peer = "127.0.0.1:" .. (first_port + 1) }
	T.eventually(function()
		local ok, value = pcall(cluster.call, "peer", "@peer", "echo", "moved")
		return ok and value == "moved"
	end, 1000)
	peer = moved
end)

T.test("random bytes on its port do not disturb others", function()
	local random = T.random(4711)
	local stop
	local result = net.many(4, function(i)
		local n = 0
		while not stop do
			n = n + 1
			assert(cluster.call("peer", "@peer", "echo", n) == n)
		end
		return i
	end)
	for _ = 1, 50 do
		local id = assert(socket.open("127.0.0.1", first_port + 1))
		for _ = 1, 20 do socket.write(id, T.random_bytes(random, random(400))) end
		socket.close(id)
	end
	stop = true
	T.eventually(function() return result.ended == 4 end)
	T.eq({ result.right, result.wrong, result.failed }, { 4, 0, 0 })
end)

T.test("a large answer does not hold small ones back", function()
	local size = 100 * 1024 * 1024
	local big = net.async(function() return #cluster.call("peer", "@peer", "big", size) end)
	local small, over = 0, false
	local waiter = net.async(function()
		while not over do
			cluster.call("peer", ".second", "echo", 1)
			small = small + 1
		end
	end)
	T.eq(big(), size)
	over = true
	waiter()
	T.ok(small > 20, "small calls beside it: " .. small)
	peer:signal "KILL"
end)

T.run(3000)
