--- Hosts of the test's own: network namespaces on one bridge, each of which can be cut off from the others. They go with
--- the test, however it ends.
local shell = require "shell"

local network = {}
network.__index = network

local NET = "10.77.0."

-- Starts a namespace with `command`, which runs what it is followed by in there. → its process
local function namespace(command)
	-- It says which process it is once it is there, and lasts for as long as this one.
	return shell(string.format("%s sh -c 'echo $$; exec >&-; while kill -0 %s; do sleep 0.5; done' 2>/dev/null </dev/null &",
		command, shell "echo $PPID"))
end

local function run(command)
	local status = os.execute(command .. " >/dev/null 2>&1 </dev/null")
	return status == true or status == 0
end

--- A bridge without hosts; nil where this machine lets nobody make one.
function network.new()
	for _, ways in ipairs { { "unshare -n", "nsenter -n -t %s " }, { "unshare -rn", "nsenter -U --preserve-credentials -n -t %s " } } do
		local way, enter = ways[1], ways[2]
		if run(way .. " ip link add br0 type bridge") then
			local pid = namespace(way)
			local self = setmetatable({ enter = enter, pid = pid, hosts = {}, count = 0 }, network)
			-- With an address of its own: else it takes that of a port, and another one when that port is cut off, and the
			-- hosts go on sending to the old one.
			self:on_bridge("ip link set lo up", "ip link add br0 address 02:00:00:00:00:01 type bridge", "ip link set br0 up",
				"ip addr add " .. NET .. "1/24 dev br0")
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
