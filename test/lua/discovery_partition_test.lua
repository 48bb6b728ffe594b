-- needs: etcd
-- timeout: 150
-- One of three nodes is cut off from the others and from etcd, in networks of their own, and comes back.
local skynet = require "skynet"
local contents = require("cluster_wire").contents
local etcd_server = require "etcd_server"
local network = require "network"
local other_node = require "other_node"
local T = require "harness"

local NAMES = { "a", "b", "c" }
local net, etcd
local logs = {} -- of the nodes, by name
local since = 0 -- the time, in ms, of what is looked at

-- What a node has noted since then, without the times; and the time of the first line that matches `pattern`.
local function noted(name, pattern)
	local lines, when = {}, nil
	for time, text in contents(name .. ".notes"):gmatch "(%d+) ([^\n]*)\n" do
		if tonumber(time) >= since then
			lines[#lines + 1] = text
			if pattern and not when and text:find(pattern) then when = tonumber(time) end
		end
	end
	return table.concat(lines, "\n"), when
end

local function now()
	return math.floor(skynet.time() * 1000)
end

-- All that the nodes have noted and logged.
local function story()
	local parts = {}
	for _, name in ipairs(NAMES) do
		parts[#parts + 1] = string.format("\nthe notes of %s:\n%s\nits log:\n%s", name, contents(name .. ".notes"), contents(logs[name]))
	end
	return table.concat(parts)
end

-- Nothing that the node has noted since then matches.
local function never(name, pattern)
	local text = noted(name)
	if text:find(pattern) then error(string.format("%s has noted %s since %d%s", name, pattern, since, story()), 0) end
end

-- Waits until a node has noted what matches, and says in the log how long after `since` that was.
local function await(name, pattern, what)
	local when
	local ok, err = pcall(T.eventually, function()
		when = select(2, noted(name, pattern))
		return when
	end, 3000, name .. ": " .. pattern)
	if not ok then error(err .. story(), 0) end
	if what then skynet.error(string.format("%s sees %s: %d ms", name, what, when - since)) end
end

T.test("three nodes find each other over a network", function()
	net = network.new()
	if not net then
		skynet.error "this machine lets nobody make a network of its own: nothing to see"
		return
	end
	etcd = etcd_server.new(2379, net.bridge, net:inside())
	etcd:start()
	for _, name in ipairs(NAMES) do
		local address, inside = net:host(name)
		local command, log = other_node.command("partition_node", {
			cluster_etcd = etcd.url,
			cluster_listen = address .. ":2528",
			node = name,
			notes = name .. ".notes",
			peers = table.concat(NAMES, " "):gsub(name, ""),
		})
		os.execute(inside .. command .. " &")
		logs[name] = log
	end
	for _, name in ipairs(NAMES) do
		for _, peer in ipairs(NAMES) do
			if peer ~= name then await(name, "answers " .. peer) end
		end
	end
end)

T.test("a node that is cut off is out after its lease, and calls to it fail with that reason", function()
	if not net then return end
	since = now()
	net:cut "c"
	local gone = ": it has gone: its lease has ended$"
	for _, name in ipairs { "a", "b" } do
		await(name, "^leave c$", "the node leave")
		await(name, "^fails c: .*call failed: maybe delivered: node c at 10.77.0.13:2528, address @echo" .. gone, "its call fail")
		await(name, "^fails c: .*call failed: not delivered: node c at no address, address @echo" .. gone, "the next call refused")
	end
	await("c", "^fails a: .*call failed: maybe delivered: node a at 10.77.0.11:2528", "its call to a fail")
	await("c", "^fails b: .*call failed: maybe delivered: node b at 10.77.0.12:2528", "its call to b fail")
	-- The others go on with each other, and who is alone believes what it has known.
	never("a", "%f[%a]%l+ b%f[%A]")
	never("b", "%f[%a]%l+ a%f[%A]")
	never("c", "leave")
end)

T.test("when the network is whole again all know and call each other", function()
	if not net then return end
	since = now()
	net:heal "c"
	for _, name in ipairs { "a", "b" } do
		await(name, "^join c$", "the node join")
		await(name, "^answers c$", "it answer")
		await("c", "^answers " .. name .. "$", name .. " answer")
	end
	never("c", "leave")
end)

T.test("a network that falls silent for less than a lease costs no node its place", function()
	if not net then return end
	since = now()
	net:cut "b"
	skynet.sleep(100)
	net:heal "b"
	skynet.sleep(400)
	for _, name in ipairs { "a", "c" } do never(name, "leave b") end
	never("b", "leave")
end)

T.run(4000)
