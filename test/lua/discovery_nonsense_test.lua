-- needs: etcd
-- timeout: 150
-- config: cluster_etcd = "http://127.0.0.1:" .. (port + 5)
-- config: cluster_ttl = 3
-- config: cluster_listen = "127.0.0.1:" .. (port + 3)
-- config: node = "first"
-- Entries in etcd that no node has written, and an etcd that answers what etcd never answers: a node goes on.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local crypt = require "skynet.crypt"
local httpc = require "http.httpc"
local json = require "cjson"
local discovery_nodes = require "discovery_nodes"
local etcd_server = require "etcd_server"
local tcp_proxy = require "tcp_proxy"
local T = require "harness"

local PREFIX = "/skynet/cluster/"
local port = tonumber(skynet.getenv "port")
local etcd = etcd_server.new(port + 1)
local proxy
local nodes, start_node = discovery_nodes(etcd.url)

-- A request to etcd that does not pass the proxy.
local function ask(path, body)
	local status, answer = httpc.request("POST", "127.0.0.1:" .. etcd.port, path, {}, { ["content-type"] = "application/json" }, json.encode(body))
	T.eq(status, 200, answer)
	return json.decode(answer)
end

local function put(key, value)
	ask("/v3/kv/put", { key = crypt.base64encode(key), value = crypt.base64encode(value) })
end

local function entry(key)
	local kvs = ask("/v3/kv/range", { key = crypt.base64encode(key) }).kvs
	return kvs and json.decode(crypt.base64decode(kvs[1].value))
end

local function await(names)
	T.eventually(function()
		local list = {}
		for i, node in ipairs(cluster.nodes()) do list[i] = node.name end
		return table.concat(list, " ") == names
	end, 2000, names)
end

T.test("a node registers through a proxy", function()
	proxy = tcp_proxy.new(port + 5, etcd.port)
	etcd:start()
	await "first"
end)

T.test("whatever is written below the prefix, a node goes on to follow the others", function()
	for _, value in ipairs { "5", '"x"', "null", "[]", "{", "", "{}", '{"address":5}', '{"address":"nowhere"}', '{"address":"h:1","role":5,"state":[]}' } do
		put(PREFIX .. "odd", value)
		put(PREFIX, value)
		put(PREFIX .. "a/b", value)
		put(PREFIX .. "a\0b", value)
		put(PREFIX .. "first", value)
	end
	start_node("second", 6)
	T.eventually(function()
		for _, node in ipairs(cluster.nodes()) do
			if node.name == "second" then return true end
		end
	end, 2000, "second is seen")
end)

T.test("a node whose entry somebody has deleted makes it again", function()
	ask("/v3/kv/deleterange", { key = crypt.base64encode(PREFIX), range_end = crypt.base64encode(PREFIX .. "g") })
	ask("/v3/kv/deleterange", { key = crypt.base64encode(PREFIX .. "odd") })
	await "first second"
	T.eq(entry(PREFIX .. "first").address, "127.0.0.1:" .. (port + 3))
	T.eq(entry(PREFIX .. "first").state, "up")
end)

T.test("while etcd answers nonsense the nodes that are known stay known, then all goes on", function()
	local bodies = {
		"", "{", "null", "5", '"x"', "[]", "[1]", "{}", '{"header":5}', '{"header":{}}', '{"header":{"revision":[]}}', '{"header":{"revision":"5"},"kvs":5}',
		'{"header":{"revision":"5"},"kvs":[{}]}', '{"header":{"revision":"5"},"kvs":[{"key":5}]}', '{"result":5}', '{"result":{"TTL":[]}}', '{"result":{"events":[{}]}}',
		'{"ID":5}', '{"succeeded":5}', '{"error":5}', '{"error":{}}', '{"message":[]}', '{"result":{"canceled":true,"cancel_reason":5}}',
	}
	local count, paths = 0, {}
	proxy.answers = function(first)
		local path = first:match "POST /v3/(%S+)"
		paths[path] = (paths[path] or 0) + 1
		if path == "kv/range" and paths[path] % 2 == 0 then return nil end -- so that it comes to watch
		count = count + 1
		local body = bodies[count % #bodies + 1]
		return string.format("HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s", count % 5 == 0 and 400 or 200, #body, body)
	end
	proxy:reset()
	T.eventually(function()
		for _, path in ipairs { "kv/range", "lease/grant", "lease/keepalive", "watch" } do
			if not paths[path] then return false end
		end
		return count > #bodies
	end, 6000, "it asks again and again")
	proxy.answers = nil
	nodes.second:signal "KILL"
	start_node("third", 7)
	await "first third"
	nodes.third:signal "KILL"
	etcd:signal "KILL"
end)

T.run(9000)
