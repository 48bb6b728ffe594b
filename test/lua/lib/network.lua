--- Hosts of the test's own: network namespaces on one bridge, each of which can be cut off from the others. They go with
--- the test, however it ends.
local shell = require "shell"
local T = require "harness"

local network = {}
network.__index = network

local NET = "10.77.0."

-- Starts a namespace with `command`. → its process
local function namespace(command)
	-- It lasts for as long as this process.
	local pid = shell(string.format("%s sh -c 'while kill -0 %s; do sleep 0.5; done' >/dev/null 2>&1 </dev/null & echo $!",
		command, shell "echo $PPID"))
	T.eventually(function()
		local own, its = shell "readlink /proc/self/ns/net", shell("readlink /proc/" .. pid .. "/ns/net 2>/dev/null")
		return its and its ~= own
	end)
	return pid
end

local function run(command)
	local status = os.execute(command .. " >/dev/null 2>&1 </dev/null")
	return status == true or status == 0
end

--- A bridge without hosts; nil where this machine lets nobody make one.
---@async
function network.new()
	for _, ways in ipairs { { "unshare -n", "nsenter -n -t %s " }, { "unshare -rn", "nsenter -U --preserve-credentials -n -t %s " } } do
		local way, enter = ways[1], ways[2]
		if run(way .. " ip link add br0 type bridge") then
			local pid = namespace(way)
			local self = setmetatable({ enter = enter, pid = pid, hosts = {}, count = 0 }, network)
			self:on_bridge("ip link set lo up", "ip link add br0 type bridge", "ip link set br0 up", "ip addr add " .. NET .. "1/24 dev br0")
			return self
		end
	end
end

---@private
function network:on_bridge(...)
	for _, command in ipairs { ... } do
		assert(run(self.enter:format(self.pid) .. command), command)
	end
end

--- What runs a command where the bridge is. It has the address `bridge`.
network.bridge = NET .. "1"
function network:inside()
	return self.enter:format(self.pid)
end

--- A new host. → its address, and what runs a command there
---@async
function network:host(name)
	self.count = self.count + 1
	local address = NET .. (10 + self.count)
	local pid = namespace(self:inside() .. "unshare -n")
	self.hosts[name] = "port" .. self.count
	self:on_bridge(
		string.format("ip link add %s type veth peer name eth0 netns %s", self.hosts[name], pid),
		string.format("ip link set %s master br0", self.hosts[name]),
		string.format("ip link set %s up", self.hosts[name]))
	local enter = self.enter:format(pid)
	for _, command in ipairs { "ip link set lo up", "ip addr add " .. address .. "/24 dev eth0", "ip link set eth0 up" } do
		assert(run(enter .. command), command)
	end
	return address, enter
end

--- Packets from and to the host vanish from now on. Nobody is told.
function network:cut(name)
	self:on_bridge("ip link set " .. self.hosts[name] .. " nomaster")
end

function network:heal(name)
	self:on_bridge("ip link set " .. self.hosts[name] .. " master br0")
end

return network
