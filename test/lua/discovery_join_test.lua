-- needs: etcd
-- timeout: 150
-- config: cluster_etcd = "http://127.0.0.1:" .. (port + 1)
-- config: cluster_ttl = 30
-- config: joining = 10
-- Many nodes that join at once: what they ask of etcd grows with their number, and not faster.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local httpc = require "http.httpc"
local etcd_server = require "etcd_server"
local other_node = require "other_node"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local JOINING = tonumber(skynet.getenv "joining")
local TTL_TICKS = tonumber(skynet.getenv "cluster_ttl") * 100
local etcd = etcd_server.new(port + 1)

local BEGUN = "started_total{"
local ANSWERED = 'handled_total{grpc_code="OK",'

-- How many requests of each kind etcd has begun or answered since it runs.
local function requests(which)
	local status, body = httpc.get(etcd.url:match "//(.*)", "/metrics")
	T.eq(status, 200)
	local count = {}
	for method, n in body:gmatch("grpc_server_" .. which .. 'grpc_method="(%w+)"[^}]*} (%d+)') do
		count[method] = (count[method] or 0) + tonumber(n)
	end
	return count
end

local function known()
	local up = 0
	for _, node in ipairs(cluster.nodes()) do
		if node.state == "up" then up = up + 1 end
	end
	return up
end

T.test("nodes that join at once find each other, with a few requests each", function()
	etcd:start()
	T.eventually(function() return pcall(httpc.get, "127.0.0.1:" .. (port + 1), "/health") end, 1000)
	local before, begun = requests(BEGUN), skynet.now()
	local nodes = {}
	for i = 1, JOINING do
		nodes[i] = other_node.start("discovery_node", {
			cluster_etcd = etcd.url,
			cluster_ttl = 30,
			cluster_listen = "127.0.0.1:0",
			cluster_advertise = "127.0.0.1:" .. i,
			node = "node-" .. i,
			role = "match",
		})
	end
	T.eventually(function() return known() == JOINING end, 9000, "all are known")
	local after, answered = requests(BEGUN), requests(ANSWERED)
	local function made(method) return (after[method] or 0) - (before[method] or 0) end
	skynet.error(string.format("%d nodes in %d ms: %d LeaseGrant, %d Txn, %d Put, %d Range, %d Watch, %d LeaseKeepAlive", JOINING,
		(skynet.now() - begun) * 10, made "LeaseGrant", made "Txn", made "Put", made "Range", made "Watch", made "LeaseKeepAlive"))
	T.eq(made "LeaseGrant", JOINING)
	T.eq(made "Txn", JOINING)
	T.eq(made "Put", JOINING)
	-- This node reads as well, and may read again.
	T.within(made "Range", JOINING, JOINING + 10)
	-- It started before etcd did. Once that answers it reads once, and once more when leases of others have had their time.
	T.within(answered.Range, JOINING + 1, JOINING + 1 + math.floor((skynet.now() - begun + 200) / TTL_TICKS))
	for _, node in ipairs(nodes) do node:signal "KILL" end
	etcd:signal "KILL"
end)

T.run(12000)
