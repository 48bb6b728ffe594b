-- Nodes from the DNS: all addresses of a name, as a headless service has them.
local skynet = require "skynet"
local socket = require "skynet.socket"
local dns = require "skynet.dns"
local names = require "skynet.cluster.names"
local net = require "net"
local T = require "harness"

local port = tonumber(skynet.getenv "port")

-- What the name server answers with: the last byte of each address, or nil for "no such name".
local addresses = { 7, 8 }

local function respond(query)
	local name_ends = query:find("\0", 13, true)
	local question = query:sub(13, name_ends + 4)
	local records = {}
	for i, last in ipairs(addresses or {}) do
		-- The name of the question, A, IN, one second, four bytes.
		records[i] = "\192\12\0\1\0\1\0\0\0\1\0\4\10\0\0" .. string.char(last)
	end
	return query:sub(1, 2) .. "\129" .. (addresses and "\128" or "\131") .. "\0\1\0" .. string.char(#records) .. "\0\0\0\0" .. question .. table.concat(records)
end

local last, calls = {}, 0

local function listed()
	local list = {}
	for i, node in ipairs(last) do list[i] = node.name end
	table.sort(list)
	return table.concat(list, " ")
end

T.test("each address of a name is a node, whose role is the name's first label", function()
	local id
	id = socket.udp(function(query, from) socket.sendto(id, from, respond(query)) end, net.host, port)
	dns.server(net.host, port)
	names.follow("game.default.svc:2528", function(list)
		last, calls = list, calls + 1
	end)
	T.eq(listed(), "10.0.0.7:2528 10.0.0.8:2528")
	T.eq(last[1].role, "game")
	T.eq(last[1].state, "up")
end)

T.test("addresses that come and go are seen", function()
	addresses = { 8, 9, 10 }
	T.eventually(function() return listed() == "10.0.0.10:2528 10.0.0.8:2528 10.0.0.9:2528" end, 2000)
	T.eq(calls, 2)
end)

T.test("a name that cannot be looked up keeps the addresses that it had", function()
	addresses = nil
	skynet.sleep(700)
	T.eq(calls, 2)
	addresses = { 9 }
	T.eventually(function() return listed() == "10.0.0.9:2528" end, 2000)
end)

T.test("a source that is no host and port is refused by name", function()
	T.raises("the option `cluster_dns`: \"game\" is not \"host:port\"", names.follow, "game", function() end)
end)

T.run(4000)
