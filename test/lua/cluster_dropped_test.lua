-- config: logger = "log.txt"
-- What cluster.send could not deliver is in the log.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local socket = require "skynet.socket"
local wire = require "cluster_wire"
local T = require "harness"

local function logged(text) return wire.contents("log.txt"):find(text, 1, true) ~= nil end

T.test("messages that wait for a node which cannot be reached are counted, and logged with the cause", function()
	local id, _, port = socket.listen("127.0.0.1", 0)
	socket.close(id) -- nobody listens there now
	cluster.reload { nobody = "127.0.0.1:" .. port }
	for i = 1, 3 do cluster.send("nobody", "@service", "push", i) end
	T.eventually(function()
		return logged("cluster: messages were dropped: not delivered: 3 to node nobody at 127.0.0.1:" .. port .. ": ")
	end)
	-- A large message is in parts, and one message all the same.
	skynet.sleep(110) -- a link writes one line a second
	cluster.send("nobody", "@service", "push", ("x"):rep(100000))
	T.eventually(function() return logged("not delivered: 1 to node nobody at 127.0.0.1:" .. port .. ": ") end)
end)

T.run()
