-- needs: etcd
-- timeout: 120
-- config: cluster_etcd = "http://127.0.0.1:" .. (port + 5)
-- config: cluster_ttl = 3
-- Nodes whose way to etcd is cut, or held up. etcd forgets revisions meanwhile: the nodes read all entries again.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local httpc = require "http.httpc"
local json = require "cjson"
local discovery_nodes = require "discovery_nodes"
local etcd_server = require "etcd_server"
local tcp_proxy = require "tcp_proxy"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local etcd = etcd_server.new(port + 1)
local proxy
local nodes, start_node = discovery_nodes(etcd.url)

local function known()
	local list = {}
	for _, node in ipairs(cluster.nodes()) do
		if node.state == "up" then list[#list + 1] = node.name end
	end
	return table.concat(list, " ")
end

local function await(names, what)
	local begun = skynet.now()
	T.eventually(function() return known() == names end, 2000, names)
	if what then skynet.error(string.format("%s: %d ms", what, (skynet.now() - begun) * 10)) end
end

-- A request to etcd that does not pass the proxy.
local function ask(path, body)
	local status, answer = httpc.request("POST", "127.0.0.1:" .. etcd.port, path, {}, { ["content-type"] = "application/json" }, json.encode(body))
	T.eq(status, 200, answer)
	return json.decode(answer)
end

-- etcd writes so much that it forgets all revisions but the last one.
local function compact()
	local revision
	for _ = 1, 20 do revision = ask("/v3/kv/put", { key = "eA==", value = "eA==" }).header.revision end
	ask("/v3/kv/compaction", { revision = revision, physical = true })
end

-- Another node than this one sees these nodes: etcd has them.
local function await_at(name, names)
	T.eventually(function()
		local ok, list = pcall(cluster.call, name, "@echo", "nodes")
		return ok and list == names
	end, 2000, names)
end

T.test("a node reaches etcd through a proxy", function()
	proxy = tcp_proxy.new(port + 5, etcd.port)
	etcd:start()
	start_node("a", 6)
	start_node("b", 7)
	await("a b")
end)

T.test("revisions that are forgotten while a node is cut off from etcd are made up for when it is back", function()
	proxy:cut()
	nodes.b:signal "TERM"
	start_node("c", 8)
	await_at("a", "a c")
	compact()
	T.eq(known(), "a b", "nothing has been heard of this")
	proxy:heal()
	await("a c", "knows all after it was cut off, and etcd has compacted")
	T.eq(cluster.call("c", "@echo", "who"), "c")
end)

T.test("a watch from a revision that etcd has forgotten meanwhile is given up, and all is read again", function()
	proxy:hold "/watch"
	proxy:reset()
	T.eventually(function() return proxy.held > 0 end, 1000, "the node has read all, and wants to follow")
	start_node("d", 9)
	await_at("a", "a c d")
	compact()
	T.ok(not proxy:has_seen "compact_revision")
	proxy:release()
	await("a c d", "knows all after its watch came too late")
	T.ok(proxy:has_seen "compact_revision", "etcd has refused the watch")
	T.eq(cluster.call("d", "@echo", "who"), "d")
end)

T.test("it follows what comes then", function()
	start_node("b", 7)
	await("a b c d", "sees a node join")
end)

T.test("a node whose beat is lost on its way keeps its place", function()
	start_node("e", 10, { cluster_etcd = "http://127.0.0.1:" .. (port + 5), cluster_ttl = 6 })
	await "a b c d e"
	local left
	cluster.watch(function(event, node)
		if event == "leave" then left = node.name end
	end)
	proxy:hold "/lease/keepalive"
	T.eventually(function() return proxy.held == 2 end, 1000, "it tells once more that it lives")
	skynet.sleep(100)
	proxy:release()
	skynet.sleep(600)
	T.eq({ left, known() }, { nil, "a b c d e" })
	for _, node in pairs(nodes) do node:signal "KILL" end
	etcd:signal "KILL"
end)

T.run(4000)
