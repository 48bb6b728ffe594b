-- A harbor network whose nodes end and come back, its master too. This node is none of it, and talks with them by cluster.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local other_node = require "other_node"
local T = require "harness"

local HOST = "127.0.0.1"
local port = tonumber(skynet.getenv "port")

local function ask(id, ...) return cluster.call("node" .. id, "@member", ...) end

local function start(id)
	local listen = port + 10 + id
	local node = other_node.start("network_member", {
		harbor = id,
		master = HOST .. ":" .. port,
		address = HOST .. ":" .. (port + id),
		standalone = id == 1 and HOST .. ":" .. port or nil,
		listen = listen,
	})
	cluster.reload { ["node" .. id] = HOST .. ":" .. listen }
	T.eventually(function() return pcall(ask, id, "echo") end, 1000, "node " .. id .. " starts")
	return node
end

T.test("when the master is back, names and channels are found by nodes that had not met before", function()
	local first = start(1)
	start(2)
	start(3)
	ask(2, "register", "TWO")
	first:signal "KILL"
	T.eventually(function() return not pcall(ask, 1, "echo") end)
	ask(3, "register", "THREE") -- while there is no master
	start(1)
	T.eventually(function()
		local ok, answer = pcall(ask, 1, "call", "TWO", "echo", 2)
		return ok and answer == 2
	end)
	T.eq(ask(2, "call", "THREE", "echo", 3), 3)

	local number = ask(2, "new")
	T.eventually(function() return pcall(ask, 3, "subscribe", number) end, 500, "node 3 finds the channels of node 2")
	ask(2, "publish", "hello", 1)
	T.eventually(function() return #ask(3, "got") > 0 end)
	T.eq(ask(3, "got"), { { "hello", 1 } })
end)

T.test("a node that is back has new channels under old numbers, to which others subscribe", function()
	local owner = start(4)
	local number = ask(4, "new")
	ask(2, "subscribe", number)
	owner:signal "KILL"
	T.eventually(function() return not pcall(ask, 2, "subscribe", number) end)
	start(4)
	local again = ask(4, "new")
	T.eq(again, number)
	T.eventually(function() return pcall(ask, 2, "subscribe", again) end)
	ask(4, "publish", "to a new object")
	T.eventually(function() return #ask(2, "got") == 1 end)
	-- The same object may subscribe again as well.
	start(5)
	owner = start(6)
	ask(5, "subscribe", ask(6, "new"))
	owner:signal "KILL"
	T.eventually(function() return not pcall(ask, 5, "subscribe_again") end)
	start(6)
	T.eq(ask(6, "new") % 256, 6)
	T.eventually(function() return pcall(ask, 5, "subscribe_again") end)
	ask(6, "publish", "to the same object")
	T.eventually(function() return #ask(5, "got") == 1 end)
end)

T.run(3000)
