-- config: harbor = 1
-- config: standalone = "127.0.0.1:" .. (port + 1)
-- config: master = "127.0.0.1:" .. (port + 1)
-- config: address = "127.0.0.1:" .. (port + 2)
-- The protocol of a harbor's master, with packets that are damaged at random. The seed is fixed: a failure comes again.
local skynet = require "skynet"
local socket = require "skynet.socket"
local master = require "skynet.harbor.master"
local T = require "harness"

local HOST = "127.0.0.1"
local port = tonumber(skynet.getenv "port")
local MASTER = port + 1

local random = T.random(20261129)
local function one_of(list) return list[random(#list)] end

local unpack = table.unpack or unpack

local function valid_packet()
	return master.encode(unpack(one_of {
		{ "H", 99 + random(156), HOST .. ":" .. (port + 3) },
		{ "R", "NAME" .. random(9), random(0x7ffffffe) },
		{ "Q", "NAME" .. random(9) },
		{ "W", random(256) - 1 },
		{ "C", random(255), HOST .. ":" .. (port + 3) },
		{ "N", "NAME", random(0x7ffffffe) },
		{ "D", random(255) },
	}))
end

local function random_bytes(count) return T.random_bytes(random, count) end

local DAMAGE = {
	function(packet) -- another byte
		local at = random(#packet)
		return packet:sub(1, at - 1) .. random_bytes(1) .. packet:sub(at + 1)
	end,
	function(packet) return packet:sub(1, random(#packet)) end,
	function(packet) return packet .. random_bytes(random(8)) end,
	function(packet) -- bytes in between
		local at = random(#packet)
		return packet:sub(1, at) .. random_bytes(random(4)) .. packet:sub(at + 1)
	end,
	function(packet) return random_bytes(1) .. packet:sub(2) end,
	function() return random_bytes(random(64)) end,
	function() return ("\14"):rep(random(255)) end, -- tables in tables
	function(packet) return packet end,
}
local function damaged() return one_of(DAMAGE)(valid_packet()) end

T.test("whatever a body holds, decoding it raises nothing: it gives a letter, or says why not", function()
	local good, bad = 0, 0
	for _ = 1, 20000 do
		local body = damaged():sub(2)
		local letter, first, second = master.decode(body)
		if letter then
			good = good + 1
			T.ok(type(letter) == "string" and #letter == 1, letter)
			if letter == "H" or letter == "C" then
				T.within(first, 1, 255)
				T.ok(type(second) == "string" and #second > 0)
			elseif letter == "R" or letter == "N" then
				T.ok(type(first) == "string" and #first > 0 and #first <= 16)
				T.within(second, 1, 0xffffffff)
			elseif letter == "D" then
				T.within(first, 1, 255)
			end
		else
			bad = bad + 1
			T.eq(type(first), "string")
		end
	end
	T.ok(good > 1000 and bad > 1000, good .. " good ones, " .. bad .. " bad ones")
end)

-- A slave that behaves. Its messages are those of any other, so its packets come among theirs.
local function join(id)
	local fd = assert(socket.open(HOST, MASTER))
	socket.write(fd, master.encode("H", id, HOST .. ":" .. (port + 3)))
	local letter, others = master.read(fd)
	T.eq(letter, "W")
	return fd, others
end

local function wait_for(fd, wanted, name)
	local letter, first, second
	repeat
		letter, first, second = master.read(fd)
		assert(letter, "the master has closed the connection of one that did nothing wrong")
	until letter == wanted and first == name
	return second
end

T.test("a packet with a wrong value is ignored, and the slave stays", function()
	local fd = join(30)
	local long = ("N"):rep(17)
	local wrong = { { "Q", long }, { "Q", "" }, { "Q" }, { "R", long, 0x1e000001 }, { "R", "ZERO", 0 }, { "R", "HALF", 1.5 }, { 5 }, { {} } }
	for _, values in ipairs(wrong) do
		local body = skynet.packstring(unpack(values))
		T.eq((select(3, master.decode(body))), true)
		socket.write(fd, string.char(#body) .. body)
	end
	socket.write(fd, master.encode("R", "STAYS", 0x1e000001))
	T.eq(wait_for(fd, "N", "STAYS"), 0x1e000001)
	socket.close(fd)
end)

T.test("slaves that send damaged packets, in pieces, are no trouble to the others", function()
	-- What the master tells of is tried by the harbor of this node; it meets somebody who hangs up.
	local peers = socket.listen(HOST, port + 3)
	socket.start(peers, function(id)
		socket.start(id)
		socket.close(id)
	end)
	local fd = join(20)
	local strangers = {}
	for i = 1, 150 do
		local stranger = assert(socket.open(HOST, MASTER))
		local bytes = one_of { "", master.encode("H", 99 + random(156), HOST .. ":" .. (port + 3)) }
		for _ = 1, random(6) do bytes = bytes .. damaged() end
		while bytes ~= "" do
			local piece = random(#bytes)
			socket.write(stranger, bytes:sub(1, piece))
			bytes = bytes:sub(piece + 1)
			if random(3) == 1 then skynet.yield() end
		end
		strangers[#strangers + 1] = stranger
		if random(2) == 1 then socket.close(table.remove(strangers, random(#strangers))) end

		local name, handle = "GOOD" .. i, 0x14000000 + i
		socket.write(fd, master.encode("R", name, handle))
		T.eq(wait_for(fd, "N", name), handle)
		socket.write(fd, master.encode("Q", name))
		T.eq(wait_for(fd, "N", name), handle)
	end
	for _, stranger in ipairs(strangers) do socket.close(stranger) end

	-- All who have left are forgotten: this node and the good one are the others.
	T.eventually(function()
		local late, others = join(21)
		socket.close(late)
		return others == 2
	end, 1000)
	socket.write(fd, master.encode("Q", "GOOD1"))
	T.eq(wait_for(fd, "N", "GOOD1"), 0x14000001)
	for _, id in ipairs { fd, peers } do socket.close(id) end
end)

T.run(3000)
