-- The services behind skynet.cluster are killed: the next request has others made.
local skynet = require "skynet"
require "skynet.manager"
local cluster = require "skynet.cluster"
local memory = require "skynet.memory"
local net = require "net"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local echo

local function kill_sender()
	local sender = cluster.get_sender "me"
	skynet.kill(sender)
	return sender
end

T.test("the next call after a killed sender has another one made", function()
	echo = skynet.newservice("cluster_peer", "echo")
	cluster.reload { me = "127.0.0.1:" .. port }
	cluster.open "me"
	T.eq(cluster.call("me", echo, "echo", 1), 1)
	local before = kill_sender()
	T.eq({ cluster.call("me", echo, "echo", 2, nil, "x") }, { 2, nil, "x" })
	T.ok(cluster.get_sender "me" ~= before)
	kill_sender()
	T.eq(cluster.within(100):call("me", echo, "echo", 3), 3)
	T.raises("the deadline has passed", function() cluster.within(5):call("me", echo, "slow", 20) end)
end)

T.test("get_sender never returns a killed one", function()
	local before = kill_sender()
	local sender = cluster.get_sender "me"
	T.ok(sender ~= before)
	T.eq(cluster.call("me", echo, "echo", 4), 4)
	T.eq(cluster.get_sender "me", sender)
end)

T.test("what is sent after it arrives, in order, and before a call that follows", function()
	kill_sender()
	for i = 1, 20 do cluster.send("me", echo, "push", i) end
	local pushed = cluster.call("me", echo, "pushed")
	T.eq(#pushed, 20)
	for i = 1, 20 do T.eq(pushed[i], i) end
end)

T.test("many who call at once share the new one", function()
	kill_sender()
	local result = net.many(100, function(i) return cluster.call("me", echo, "echo", i) end)
	T.eventually(function() return result.ended == 100 end)
	T.eq({ result.right, result.wrong, result.failed }, { 100, 0, 0 })
	local count = 0
	for _, text in pairs(skynet.call(".launcher", "lua", "LIST")) do
		if text:find("clustersender", 1, true) then count = count + 1 end
	end
	T.eq(count, 1)
end)

T.test("the calls in flight fail", function()
	local result = net.many(5, function(i) return cluster.call("me", echo, "hold", i) end)
	T.eventually(function() return cluster.call("me", echo, "held") == 5 end)
	kill_sender()
	T.eventually(function() return result.ended == 5 end, 200)
	T.eq(result.failed, 5)
	cluster.call("me", echo, "release")
end)

T.test("a proxy goes on, and one that was killed is made anew", function()
	local proxy = cluster.proxy("me", echo)
	T.eq(skynet.call(proxy, "lua", "echo", "a"), "a")
	kill_sender()
	T.eq(skynet.call(proxy, "lua", "echo", "b"), "b")
	T.eq(cluster.proxy("me", echo), proxy)
	skynet.kill(proxy)
	local other = cluster.proxy("me", echo)
	T.ok(other ~= proxy)
	T.eq(skynet.call(other, "lua", "echo", "c"), "c")
end)

T.test("an error of the other side that reads like that of a killed sender is only that", function()
	local sender = skynet.address(cluster.get_sender "me")
	T.raises("call failed", cluster.call, "me", echo, "raise", "call to invalid address " .. sender)
end)

T.test("nothing is left of what was sent to a killed one", function()
	local text = ("x"):rep(1024 * 1024)
	cluster.call("me", echo, "echo", text)
	collectgarbage()
	local before = memory.total()
	for _ = 1, 10 do
		kill_sender()
		T.eq(#cluster.call("me", echo, "echo", text), #text)
		kill_sender()
		cluster.send("me", echo, "push", 1, text)
		cluster.call("me", echo, "echo", text) -- the one before has left
	end
	collectgarbage()
	T.within(memory.total() - before, -1e9, 5 * 1024 * 1024)
end)

T.test("killed agents do not count as clients", function()
	cluster.reload { small = "127.0.0.1:" .. port + 1 }
	cluster.open("small", 2)
	for i = 1, 4 do
		T.eventually(function() return pcall(cluster.call, "small", echo, "echo", i) end, 200, "connection " .. i)
		for handle, text in pairs(skynet.call(".launcher", "lua", "LIST")) do
			if text:find("clusteragent", 1, true) then skynet.kill(handle) end
		end
	end
end)

T.run()
