-- needs: etcd
-- timeout: 120
-- config: cluster_etcd = "http://127.0.0.1:" .. (port + 1)
-- config: cluster_ttl = 3
-- config: rolling_rate = 5000
-- Three nodes are restarted one after the other while others call them.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local discovery_nodes = require "discovery_nodes"
local etcd_server = require "etcd_server"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
-- Requests that are begun each second; fewer where the machine does not get through: so many are under way at most.
local RATE = tonumber(skynet.getenv "rolling_rate")
local MOST_UNDER_WAY = 1000
local NAMES = { "a", "b", "c" }
local nodes, start_node = discovery_nodes("http://127.0.0.1:" .. (port + 1), { role = "match" })

local function start(place, name)
	start_node(name, 2 + place, { notes = name .. ".notes" })
end

local function await_up(name)
	T.eventually(function()
		for _, node in ipairs(cluster.nodes()) do
			if node.name == name and node.state == "up" then return true end
		end
	end, 2000, name)
end

-- How often each request was handled.
local function handled()
	local count = {}
	for _, name in ipairs(NAMES) do
		for line in io.lines(name .. ".notes") do
			count[tonumber(line)] = (count[tonumber(line)] or 0) + 1
		end
	end
	return count
end

T.test("a rolling restart under load loses no request and doubles none", function()
	local etcd = etcd_server.new(port + 1)
	etcd:start()
	for i, name in ipairs(NAMES) do start(i, name) end
	for _, name in ipairs(NAMES) do await_up(name) end

	local asked, answered, again, under_way, stop = 0, 0, 0, 0, false
	local failures = {}
	local function call(n)
		while true do
			local ok, value = pcall(cluster.call, "match/*", "@echo", "note", n)
			if ok then
				T.eq(value, n)
				answered = answered + 1
				return
			end
			local e = cluster.error(value)
			if not e or e.delivered ~= "no" then
				failures[#failures + 1] = tostring(value)
				return
			end
			again = again + 1
			skynet.sleep(1)
		end
	end
	local begun = skynet.now()
	skynet.fork(function()
		while not stop do
			while asked < RATE * (skynet.now() - begun) / 100 and under_way < MOST_UNDER_WAY do
				asked = asked + 1
				under_way = under_way + 1
				skynet.fork(function(n)
					call(n)
					under_way = under_way - 1
				end, asked)
			end
			skynet.sleep(1)
		end
	end)
	for i, name in ipairs(NAMES) do
		skynet.sleep(50)
		local old = nodes[name]
		old:signal "TERM"
		T.eventually(function() return not io.open("/proc/" .. old.pid .. "/stat") end, 2000, name)
		start(i, name)
		await_up(name)
	end
	stop = true
	local took = (skynet.now() - begun) / 100
	T.eventually(function() return under_way == 0 end, 1000)
	skynet.error(string.format("%d requests in %.1f s, %.0f a second; %d made again", asked, took, asked / took, again))
	T.ok(asked > RATE, asked .. " requests are too few to tell")
	T.eq(failures, {})
	T.eq(answered, asked)
	local count = handled()
	for n = 1, asked do T.eq(count[n], 1, "request " .. n) end
	for _, node in pairs(nodes) do node:signal "KILL" end
	etcd:signal "KILL"
end)

T.run(10000)
