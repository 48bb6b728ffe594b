--- An etcd of the test's own, which it can stop, continue, kill and start again on the same data.
local end_with_test = require "end_with_test"
local shell = require "shell"
local signal = require "signal"

local server = {}
server.__index = server

---@param port integer  and the next one for its peers
---@param host? string  where it listens
---@param inside? string  what runs a command there
function server.new(port, host, inside)
	host = host or "127.0.0.1"
	return setmetatable({ port = port, host = host, url = "http://" .. host .. ":" .. port, inside = inside or "" }, server)
end

--- Starts it, also again.
function server:start()
	local peers = "http://" .. self.host .. ":" .. (self.port + 1)
	self.pid = shell(string.format("%setcd --data-dir etcd-%d --listen-client-urls %s --advertise-client-urls %s --listen-peer-urls %s"
		.. " --initial-advertise-peer-urls %s --initial-cluster default=%s >etcd-%d.log 2>&1 </dev/null & echo $!",
		self.inside, self.port, self.url, self.url, peers, peers, peers, self.port))
	end_with_test(self.pid)
end

--- Sends a signal, as signal.lua does.
function server:signal(name)
	signal(self.pid, name)
end

return server
