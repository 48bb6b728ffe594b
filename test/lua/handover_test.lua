-- needs: tls
-- Connections that go from one service to another: whatever the order, no id and no descriptor is left in the end.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local net = require "net"
local T = require "harness"

local AGENTS = { "plain", "ws", "wss", "passing", "dying" }

-- What a service does with an accepted id, and its peer, step by step. "hand over" is sent to an agent of each kind.
local ORDERS = {
	"hand over, peer ends",
	"peer ends, hand over",
	"peer resets, hand over",
	"start, abandon, hand over, peer ends",
	"start, abandon, peer ends, hand over",
	"start, abandon, peer resets, hand over",
	"start, peer ends, abandon, hand over",
	"start, peer resets, abandon, hand over",
	"start, peer ends, hand over, abandon, close",
	"start, peer ends, hand over, close",
	"start, pause, abandon, hand over, peer ends",
	"start, pause, abandon, peer ends, hand over",
	"start, pause, peer ends, abandon, hand over",
	"start, read, abandon, hand over, peer ends",
	"start, read, abandon, peer half ends, hand over",
	"start, peer half ends, abandon, hand over",
	"start, abandon, start, peer ends, close",
	"start, abandon, peer ends, start, close",
	"start, peer ends, abandon, start, close",
	"start, peer ends, abandon, close",
	"start, abandon, peer ends",
	"start, abandon, to nobody, peer ends",
	"start, peer ends, abandon, to nobody",
	"start, write, peer ends, abandon, hand over",
	"start, shutdown, abandon, hand over",
	"start, close, hand over",
	"start, hand over, close",
	"close",
	"peer ends, close",
	"close, hand over",
	"hand over, hand over, peer ends",
	"start, abandon, hand over, hand over, peer resets",
	"start, raw close, hand over",
	"start, raw pause, abandon, raw start, peer ends, hand over",
}

local function descriptors()
	local pipe = io.popen "ls /proc/$PPID/fd | wc -l"
	local n = pipe:read "*n"
	pipe:close()
	return n
end

local function ids()
	return net.count "TCP" + net.count "CLOSING" + net.count "LISTEN"
end

-- One connection: `id` is the accepted end, `peer` the other one.
local function steps_of(id, peer, kind, agents)
	local steps = {
		["start"] = function() socket.start(id) end,
		["read"] = function() socket.read(id, 3) end,
		["write"] = function() socket.write(id, ("x"):rep(100000)) end,
		["pause"] = function() socket.pause(id) end,
		["abandon"] = function() socket.abandon(id) end,
		["close"] = function() socket.close(id) end,
		["shutdown"] = function() socket.shutdown(id) end,
		["raw start"] = function() driver.start(id) end,
		["raw pause"] = function() driver.pause(id) end,
		["raw close"] = function() driver.close(id) end,
		["hand over"] = function()
			local agent = skynet.newservice "handover_agent"
			agents[#agents + 1] = agent
			skynet.send(agent, "lua", kind, id)
		end,
		["to nobody"] = function()
			local agent = skynet.newservice "handover_agent"
			skynet.kill(agent)
			skynet.send(agent, "lua", kind, id)
		end,
		["peer ends"] = function() socket.close(peer) end,
		-- Unread bytes make the end a reset.
		["peer resets"] = function()
			socket.write(id, "unread")
			socket.pause(peer)
			socket.shutdown(peer)
			socket.close(peer)
		end,
		["peer half ends"] = function() socket.write(peer, "last") end,
	}
	return steps
end

local function run(order, kind, listener_port, accepted, agents)
	local peer = assert(socket.open(net.host, listener_port))
	local id = accepted()
	socket.write(peer, "abc")
	local steps = steps_of(id, peer, kind, agents)
	for step in order:gmatch "[^,]+" do
		step = step:match "^%s*(.-)%s*$"
		assert(steps[step], step)()
		-- in every order both with and without time for the events of a step to come
		if #order % 2 == 0 then skynet.sleep(1) end
	end
	return peer
end

for _, kind in ipairs(AGENTS) do
	T.test("nothing is left of connections that a service of the kind " .. kind .. " takes over, in any order", function()
		local waiting, me = {}, {}
		local listener, _, port = socket.listen(net.host, 0)
		socket.start(listener, function(id)
			waiting[#waiting + 1] = id
			skynet.wakeup(me)
		end)
		local function accepted()
			while not waiting[1] do skynet.sleep(100, me) end
			return table.remove(waiting, 1)
		end
		local first_ids, first_descriptors = ids(), descriptors()
		local agents, peers = {}, {}
		for _, order in ipairs(ORDERS) do
			peers[#peers + 1] = run(order, kind, port, accepted, agents)
		end
		for _, peer in ipairs(peers) do socket.close(peer) end
		T.eventually(function() return ids() <= first_ids end, 800, "ids")
		T.eventually(function() return descriptors() <= first_descriptors end, 100, "descriptors")
		for _, agent in ipairs(agents) do skynet.kill(agent) end
		socket.close(listener)
	end)
end

T.test("a client that is refused by close() sees the end, though its id was never started", function()
	local listener, _, port = socket.listen(net.host, 0)
	socket.start(listener, function(id)
		socket.write(id, "full")
		socket.close(id)
	end)
	local a = assert(socket.open(net.host, port))
	T.eq(socket.readall(a), "full")
	socket.close(a)
	socket.close(listener)
end)

T.test("close() of an id that another service has started leaves it alone", function()
	local listener, _, port = socket.listen(net.host, 0)
	local agent = skynet.newservice "handover_agent"
	local a
	socket.start(listener, function(id)
		skynet.send(agent, "lua", "plain", id)
		T.eventually(function()
			for _, s in ipairs(socket.netstat()) do
				if s.id == id and s.address == agent then return true end
			end
		end)
		socket.close(id)
		driver.send(id, "alive")
	end)
	a = assert(socket.open(net.host, port))
	T.eq(socket.read(a, 5), "alive")
	socket.close(a)
	socket.close(listener)
	skynet.kill(agent)
end)

-- An id that this service has started and another one has taken over without asking; the other one's address.
local function taken_over(kind)
	local a, id = net.pair()
	local agent = skynet.newservice "handover_agent"
	skynet.send(agent, "lua", kind, id)
	local function owner()
		for _, s in ipairs(socket.netstat()) do
			if s.id == id then return s.address end
		end
	end
	T.eventually(function() return owner() ~= skynet.self() end)
	return a, id, agent, owner
end

T.test("close() of an id that another service has taken over closes it, and returns", function()
	local a, id, agent, owner = taken_over "plain"
	socket.close(id)
	T.eq(socket.read(a), false)
	T.eventually(function() return not owner() end)
	socket.close(a)
	skynet.kill(agent)
end)

T.test("close() of an id that another service has taken over and closed returns", function()
	local a, id, agent, owner = taken_over "plain"
	socket.close(a)
	T.eventually(function() return not owner() end)
	socket.close(id)
	skynet.kill(agent)
end)

T.test("close() of an id that a service which ended has taken over returns", function()
	local a, id = taken_over "dying"
	socket.close(id)
	T.eq(socket.read(a), false)
	socket.close(a)
end)

T.test("what a killed service accepted, dialled and bound ends with it", function()
	local before = ids() + net.count "UDP"
	local first = descriptors()
	local victim = skynet.newservice "raw_sockets"
	local port = skynet.call(victim, "lua", "listen")
	local a, b = assert(socket.open(net.host, port)), assert(socket.open(net.host, port))
	T.eventually(function() return skynet.call(victim, "lua", "accepted") == 2 end)
	skynet.kill(victim)
	T.eq({ socket.read(a) }, { false, "" }, "the end of the first")
	T.eq({ socket.read(b) }, { false, "" }, "the end of the second")
	socket.close(a)
	socket.close(b)
	T.eventually(function() return ids() + net.count "UDP" <= before end, 800, "ids")
	T.eventually(function() return descriptors() <= first end, 100, "descriptors")
end)

T.run(3000)
