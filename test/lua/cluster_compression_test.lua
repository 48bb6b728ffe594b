-- config: cluster_compress = 1000
-- config: logger = "log.txt"
-- timeout: 60
-- Compressed payloads: between nodes that both want them, and nobody else; what is damaged ends that link alone.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local socket = require "skynet.socket"
local compression = require "skynet.mongo.compression"
local console = require "console"
local net = require "net"
local other_node = require "other_node"
local wire = require "cluster_wire"
local T = require "harness"

local own_port = tonumber(skynet.getenv "port") + 1
local echo
local QUERY = skynet.packstring "cluster.zstd.1"

-- Text as services send it: 16 KB of JSON.
local function json(bytes)
	local out, size, i = {}, 0, 0
	while size < bytes do
		i = i + 1
		local record = string.format([[{"id":%d,"name":"player%d","level":%d,"pos":{"x":%d.%d,"y":%d},"items":[%d,%d]},]],
			i * 7919, i, i * 31 % 90, i * 13 % 4096, i % 10, i * 17 % 4096, i * 101 % 9973, i * 211 % 9973)
		out[i] = record
		size = size + #record
	end
	return table.concat(out):sub(1, bytes)
end

local function noise(bytes) return T.random_bytes(T.random(4711), bytes) end

local function zstd(payload)
	return (compression.deflate(("\0"):rep(16) .. payload, "zstd"):sub(26))
end

local function link(key, value)
	for _, status in ipairs(skynet.call(skynet.localname ".clusterd", "lua", "links")) do
		if status[key] == value then return status end
	end
end

-- A link agrees when the answer to its first packet is there.
local function wait_for_agreement(node)
	T.eventually(function() return link("node", node).compression == "zstd" end)
end

local function start(name, port, compress)
	local peer = other_node.start("cluster_peer", { listen = port, cluster_compress = compress })
	cluster.reload { [name] = "127.0.0.1:" .. port }
	T.eventually(function()
		local ok, value = pcall(cluster.call, name, "@peer", "echo", "there")
		return ok and value == "there"
	end, 1000, "the peer answers")
	return peer
end

-- The first megabyte of a connection is compressed, however fast the network is.
T.test("between two nodes that compress, JSON takes a third of its bytes or less, both ways", function()
	start("both", own_port + 1, 1000)
	wait_for_agreement "both"
	local before = link("node", "both")
	local text = json(16384)
	for _ = 1, 50 do T.ok(cluster.call("both", "@peer", "echo", text) == text) end
	local after = link("node", "both")
	for _, way in ipairs { "out", "in" } do
		local bytes = after["bytes_" .. way] - before["bytes_" .. way]
		local saved = after["saved_" .. way] - before["saved_" .. way]
		T.ok(bytes * 3 < 50 * #text, way .. ": " .. bytes)
		T.ok(bytes + saved >= 50 * #text, way .. ": " .. bytes .. " and " .. saved)
	end
end)

T.test("messages of any size and kind come as they were", function()
	for _, size in ipairs { 1, 900, 990, 1000, 1010, 32700, 32760, 32770, 40000, 300000, 3000000 } do
		for _, text in ipairs { json(size), noise(size) } do
			T.ok(cluster.call("both", "@peer", "echo", text) == text, size)
		end
	end
	local large = json(1000000)
	local calls = {}
	for i = 1, 20 do
		calls[i] = net.async(cluster.call, "both", "@peer", "echo", i, large)
		calls[20 + i] = net.async(cluster.call, "both", "@peer", "echo", 20 + i)
	end
	for i, wait in ipairs(calls) do
		local number, text = wait()
		T.ok(number == i and (i > 20 or text == large), i)
	end
end)

T.test("the parts of a large message are compressed, too", function()
	start("large", own_port + 4, 1000)
	wait_for_agreement "large"
	local text = json(700000)
	T.ok(cluster.call("large", "@peer", "echo", text) == text)
	local status = link("node", "large")
	T.ok(status.bytes_out * 3 < #text, status.bytes_out)
	T.ok(status.bytes_in * 3 < #text, status.bytes_in)
end)

T.test("a node without compression neither gets nor sends a compressed byte", function()
	start("plain", own_port + 2, 0)
	local text = json(16384)
	local before = link("node", "plain")
	for _ = 1, 10 do T.ok(cluster.call("plain", "@peer", "echo", text) == text) end
	T.ok(cluster.call("plain", "@peer", "echo", json(100000)) == json(100000))
	local after = link("node", "plain")
	T.eq({ after.compression, after.saved_out }, {})
	T.ok(after.bytes_out - before.bytes_out > 10 * #text + 100000)
	T.ok(after.bytes_in - before.bytes_in > 10 * #text + 100000)
end)

T.test("a node of skynet's gets one query that it does not know, and plain requests", function()
	local types, name = {}, nil
	local stop = wire.scripted("skynet's", function(id, body)
		if body:sub(2, 5) == wire.le(0) then
			name = skynet.unpack(body:sub(10))
			return socket.write(id, wire.packet(body:sub(6, 9) .. "\0name not found"))
		end
		types[#types + 1] = body:byte()
		-- What looks like an agreement is none: nobody has asked.
		socket.write(id, wire.packet(wire.le(0) .. "\1" .. skynet.packstring(1)))
		if body:byte() == 0 then socket.write(id, wire.packet(body:sub(6, 9) .. "\1" .. body:sub(10))) end
		if body:byte() == 3 then socket.write(id, wire.packet(body:sub(2, 5) .. "\1" .. skynet.packstring "all")) end
	end)
	local text = json(16384)
	for _ = 1, 2 do T.ok(cluster.call("skynet's", 5, text) == text) end
	T.eq(cluster.call("skynet's", 5, json(40000)), "all")
	T.eq(types, { 0, 0, 1, 2, 3 })
	T.eq(name, "cluster.zstd.1")
	stop()
end)

T.test("a caller that has not asked gets plain answers, and its compressed packets are of an unknown type", function()
	echo = skynet.newservice("cluster_peer", "echo")
	cluster.reload { me = "127.0.0.1:" .. own_port }
	cluster.open "me"
	local id = assert(socket.open("127.0.0.1", own_port))
	local payload = skynet.packstring("echo", json(16384))
	socket.write(id, wire.packet("\32" .. wire.le(echo) .. wire.le(6) .. zstd(payload)))
	socket.write(id, wire.packet("\0" .. wire.le(echo) .. wire.le(7) .. payload))
	T.eq(wire.read_packet(id), wire.le(7) .. "\1" .. skynet.packstring(json(16384)))
	socket.close(id)
end)

-- A connection to this node that has agreed on compression.
local function agreed()
	local id = assert(socket.open("127.0.0.1", own_port))
	socket.write(id, wire.packet("\0" .. wire.le(0) .. wire.le(1) .. QUERY))
	T.eq(wire.read_packet(id), wire.le(1) .. "\1" .. skynet.packstring(1))
	return id
end

-- Frames of zstd that say they give so many bytes; what follows is one raw block.
local function claiming(bytes, text)
	return "\40\181\47\253\160" .. wire.le(bytes) .. string.char(#text * 8 + 1) .. "\0\0" .. text
end
local sound = zstd(skynet.packstring("echo", json(5000)))
local DAMAGED = {
	{ "hello, I am no zstd", "a compressed packet is no zstd" },
	{ "", "a compressed packet is no zstd" },
	{ sound:sub(1, -2), "a compressed packet is damaged" },
	{ sound .. "x", "a compressed packet is damaged" },
	{ claiming(6, "bytes"), "a compressed packet is damaged" },
	{ claiming(4, "bytes"), "a compressed packet is damaged" },
	{ claiming(2 ^ 30, "bytes"), "a compressed packet claims 1073741824 bytes: more than 32768 are never in one" },
	{ "\40\181\47\253\0\0\41\0\0bytes", "a compressed packet does not tell its size" },
}

T.test("a damaged compressed packet ends its connection with an error, and no other", function()
	local other = agreed()
	for i, case in ipairs(DAMAGED) do
		local id = agreed()
		socket.write(id, wire.packet("\32" .. wire.le(echo) .. wire.le(2) .. sound))
		local answer = wire.read_packet(id)
		T.eq(answer:sub(1, 5), wire.le(2) .. "\33", "an answer that is compressed too")
		socket.write(id, wire.packet("\32" .. wire.le(echo) .. wire.le(3) .. case[1]))
		T.eq(wire.read_packet(id), nil, i)
		T.eventually(function()
			local log = wire.contents "log.txt"
			return log:find(case[2] .. ": the connection is closed", 1, true)
		end)
		socket.close(id)
		socket.write(other, wire.packet("\0" .. wire.le(echo) .. wire.le(i) .. skynet.packstring("echo", i)))
		T.eq(wire.read_packet(other), wire.le(i) .. "\1" .. skynet.packstring(i))
	end
	socket.close(other)
end)

T.test("a damaged compressed answer ends the link; its calls fail with the cause, and the next call works", function()
	local payload
	local stop = wire.scripted("damaging", function(id, body)
		if body:sub(2, 5) == wire.le(0) then
			return socket.write(id, wire.packet(body:sub(6, 9) .. "\1" .. skynet.packstring(1)))
		end
		socket.write(id, wire.packet(body:sub(6, 9) .. (payload and "\33" .. payload or "\1" .. skynet.packstring "fine")))
	end)
	for _, case in ipairs(DAMAGED) do
		payload = nil
		T.eq(cluster.call("damaging", 5, "x"), "fine")
		wait_for_agreement "damaging"
		payload = case[1]
		local e = cluster.error(T.raises("call failed", cluster.call, "damaging", 5, "x"))
		T.eq({ e.delivered, e.cause }, { "maybe", case[2] })
	end
	payload = nil
	T.eq(cluster.call("damaging", 5, "x"), "fine")
	T.eq(cluster.call("both", "@peer", "echo", "still there"), "still there")
	stop()
end)

T.test("the console tells what compression saves", function()
	local fd = console.open()
	socket.write(fd, "cluster\n")
	local text = console.till(fd, ">\n")
	local line = text:match "[^\n]*node:large[^\n]*"
	T.ok(line and line:find("compression:zstd", 1, true) and line:find "saved_in:[%d.]+[KM]" and line:find "saved_out:[%d.]+[KM]", text)
	line = text:match "[^\n]*node:plain[^\n]*"
	T.ok(line and not line:find("compression", 1, true), text)
	socket.close(fd)
end)

T.test("a threshold that is no number of bytes is refused with an error that says so", function()
	local node = other_node.start("cluster_peer", { listen = own_port + 3, cluster_compress = "lots" })
	T.eventually(function()
		return wire.contents(node.log):find("cluster_compress is a number of bytes from 0 to 32768, not lots", 1, true)
	end, 1000)
	node:signal "KILL"
end)

T.run(4000)
