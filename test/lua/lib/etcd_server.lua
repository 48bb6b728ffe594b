--- An etcd of the test's own, which it can stop, continue, kill and start again on the same data.
local shell = require "shell"

local server = {}
server.__index = server

---@param port integer  and the next one for its peers
function server.new(port)
	return setmetatable({ port = port, url = "http://127.0.0.1:" .. port }, server)
end

--- Starts it, also again.
function server:start()
	local peers = "http://127.0.0.1:" .. (self.port + 1)
	self.pid = shell(string.format("etcd --data-dir etcd-%d --listen-client-urls %s --advertise-client-urls %s --listen-peer-urls %s"
		.. " --initial-advertise-peer-urls %s --initial-cluster default=%s >etcd-%d.log 2>&1 </dev/null & echo $!",
		self.port, self.url, self.url, peers, peers, peers, self.port))
	-- It goes with the test, however that ends.
	os.execute(string.format("(while kill -0 $PPID; do sleep 0.5; done; kill -9 %s) >/dev/null 2>&1 </dev/null &", self.pid))
end

--- Sends a signal: "KILL", "STOP", "CONT".
function server:signal(name)
	os.execute(string.format("kill -%s %s 2>/dev/null", name, self.pid))
end

return server
