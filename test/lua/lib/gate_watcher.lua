-- What the tests of wsgate share: this service is the watchdog and the agent of its gates.
local skynet = require "skynet"
local socket = require "skynet.socket"
local codec = require "skynet.websocket.codec"
local wsgate = require "skynet.wsgate"
local net = require "net"
local T = require "harness"

local M = {}

--- The bytes that frames of clients are masked with.
M.MASK = 0x01020304

-- What this service hears as a watchdog: { event, gate, id, ... }.
local heard = {}
M.heard = heard

local function note(event)
	return function(...) heard[#heard + 1] = { event, ... } end
end

wsgate.watch { listen = note "listen", open = note "open", data = note "data", close = note "close" }

-- What it hears as an agent.
local packages = {}
M.packages = packages

skynet.register_protocol {
	name = "client",
	id = skynet.PTYPE_CLIENT,
	unpack = skynet.tostring,
	dispatch = function(session, source, bytes)
		skynet.ignoreret()
		packages[#packages + 1] = { session, source, bytes }
	end,
}

--- The next event of that name and gate, taken out.
function M.event(name, gate)
	return T.eventually(function()
		for i, e in ipairs(heard) do
			if e[1] == name and e[2] == gate then return table.remove(heard, i) end
		end
	end, 600, name)
end

--- A gate that listens, → its handle, its port
function M.launch(options)
	options.address = net.host
	local gate = wsgate.launch(options)
	return gate, tonumber(M.event("listen", gate)[3]:match ":(%d+)$")
end

--- The next frame: opcode, payload; or nil.
function M.frame(id)
	local decoder = codec.decoder()
	local head = socket.read(id, 2)
	local op, payload
	if head then op, payload = decoder:feed(head) end
	while head and op == nil do
		local more = socket.read(id, 1)
		if not more then return nil end
		op, payload = decoder:feed(more)
	end
	return op, payload
end

--- A connection that is being read, with this service as its agent: → gate's id, socket
function M.connect(gate, port, extra)
	local id, answer = net.websocket(port, "/chat", extra)
	T.ok(answer and answer:find("101", 1, true), tostring(answer))
	local opened = M.event("open", gate)
	T.ok(opened[4]:match "^127%.0%.0%.1:%d+$", opened[4])
	wsgate.forward(gate, opened[3], skynet.self(), 0x123456)
	wsgate.start(gate, opened[3])
	return opened[3], id
end

function M.next_package()
	return T.eventually(function() return table.remove(packages, 1) end)
end

return M
