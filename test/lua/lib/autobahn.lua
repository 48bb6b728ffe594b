--- The cases of the Autobahn test suite for WebSocket servers that echo, with its numbers: what a client sends, what must
--- come back, and how the connection ends. The bytes are made here.
---
--- Left out are its measurements (9.7, 9.8: the size of many messages) beyond what is needed to see that all come back.
local codec = require "skynet.websocket.codec"

local MASK = 0x37fa213d
local TEXT, BINARY, CLOSE, PING, PONG, MORE = codec.TEXT, codec.BINARY, codec.CLOSE, codec.PING, codec.PONG, codec.CONTINUATION

local PROTOCOL, INVALID = 1002, 1007

local autobahn = {}

-- ---- frames ---------------------------------------------------------------------------------------

-- A frame; rsv: its reserved bits as a number to 7; open: more fragments follow.
local function frame(opcode, payload, rsv, open)
	local bytes = codec.frame(opcode, payload or "", MASK)
	local first = 128 + opcode + (rsv or 0) * 16 - (open and 128 or 0)
	return string.char(first) .. bytes:sub(2)
end
autobahn.frame = frame

local function open(opcode, payload) return frame(opcode, payload, 0, true) end

--- A close frame.
local function close(code, reason)
	return frame(CLOSE, code and string.char(math.floor(code / 256), code % 256) .. (reason or "") or "")
end
autobahn.close = close

-- A message in fragments of `size` bytes.
local function fragments(opcode, text, size, rsv)
	local out = {}
	local at = 1
	repeat
		local last = at + size > #text
		out[#out + 1] = frame(at == 1 and opcode or MORE, text:sub(at, at + size - 1), at == 1 and rsv or 0, not last)
		at = at + size
	until last
	return table.concat(out)
end
autobahn.fragments = fragments

local function bytes(hex)
	return (hex:gsub("%s", ""):gsub("..", function(pair) return string.char(tonumber(pair, 16)) end))
end

-- ---- the list -------------------------------------------------------------------------------------

---@class autobahn.case
---@field number string
---@field send string
---@field chop? integer   the bytes are sent in pieces of this size
---@field back table[]    { opcode, payload }, what must come back, in this order
---@field ends? integer   the code of the close frame that must come then; nil: the client closes

---@type autobahn.case[]
local cases = {}
autobahn.cases = cases

local function add(number, send, back, ends, chop)
	cases[#cases + 1] = { number = number, send = send, back = back, ends = ends, chop = chop }
end

-- The same bytes at once, in the frames they consist of, and octet by octet, with three numbers.
local function three(numbers, send, back, ends)
	add(numbers[1], send, back, ends)
	add(numbers[2], send, back, ends, 7)
	add(numbers[3], send, back, ends, 1)
end

-- 1: messages in one frame
for kind, opcode in ipairs { TEXT, BINARY } do
	for i, size in ipairs { 0, 125, 126, 127, 128, 65535, 65536, 65536 } do
		local text = (kind == 1 and "*" or "\254"):rep(size)
		add(("1.%d.%d"):format(kind, i), frame(opcode, text), { { opcode, text } }, nil, i == 8 and 997 or nil)
	end
end

-- 2: pings and pongs
local odd = bytes "00 ff fe fd fc fb 00 ff"
add("2.1", frame(PING), { { PONG, "" } })
add("2.2", frame(PING, "Hello, world!"), { { PONG, "Hello, world!" } })
add("2.3", frame(PING, odd), { { PONG, odd } })
add("2.4", frame(PING, ("\254"):rep(125)), { { PONG, ("\254"):rep(125) } })
add("2.5", frame(PING, ("\254"):rep(126)), {}, PROTOCOL)
add("2.6", frame(PING, ("\254"):rep(125)), { { PONG, ("\254"):rep(125) } }, nil, 1)
add("2.7", frame(PONG), {})
add("2.8", frame(PONG, "unsolicited pong payload"), {})
add("2.9", frame(PONG, "unsolicited pong payload") .. frame(PING, "ping payload"), { { PONG, "ping payload" } })
local pings, pongs = {}, {}
for i = 1, 10 do
	pings[i], pongs[i] = frame(PING, "payload-" .. i), { PONG, "payload-" .. i }
end
add("2.10", table.concat(pings), pongs)
add("2.11", table.concat(pings), pongs, nil, 1)

-- 3: reserved bits
local hello, echo = frame(TEXT, "Hello, world!"), { TEXT, "Hello, world!" }
add("3.1", frame(TEXT, "Hello, world!", 1), {}, PROTOCOL)
add("3.2", hello .. frame(TEXT, "Hello, world!", 2) .. frame(PING), { echo }, PROTOCOL)
add("3.3", hello .. frame(TEXT, "Hello, world!", 3) .. frame(PING), { echo }, PROTOCOL, 19)
add("3.4", hello .. frame(TEXT, "Hello, world!", 4) .. frame(PING), { echo }, PROTOCOL, 1)
add("3.5", frame(BINARY, odd, 5), {}, PROTOCOL)
add("3.6", frame(PING, "Hello, world!", 6), {}, PROTOCOL)
add("3.7", frame(CLOSE, "", 7), {}, PROTOCOL)

-- 4: reserved opcodes
for part, base in ipairs { 3, 11 } do
	local name = "4." .. part .. "."
	add(name .. 1, frame(base), {}, PROTOCOL)
	add(name .. 2, frame(base + 1, "reserved opcode payload"), {}, PROTOCOL)
	add(name .. 3, hello .. frame(base + 2) .. frame(PING), { echo }, PROTOCOL)
	add(name .. 4, hello .. frame(base + 3, "reserved opcode payload") .. frame(PING), { echo }, PROTOCOL)
	add(name .. 5, hello .. frame(base + 4, "reserved opcode payload") .. frame(PING), { echo }, PROTOCOL, 1)
end

-- 5: fragments
local whole = { TEXT, "fragment1fragment2" }
add("5.1", open(PING, "fragment1") .. frame(MORE, "fragment2"), {}, PROTOCOL)
add("5.2", open(PONG, "fragment1") .. frame(MORE, "fragment2"), {}, PROTOCOL)
three({ "5.3", "5.4", "5.5" }, open(TEXT, "fragment1") .. frame(MORE, "fragment2"), { whole })
three({ "5.6", "5.7", "5.8" }, open(TEXT, "fragment1") .. frame(PING, "ping payload") .. frame(MORE, "fragment2"),
	{ { PONG, "ping payload" }, whole })
three({ "5.9", "5.10", "5.11" }, frame(MORE, "non-continuation payload") .. hello, {}, PROTOCOL)
three({ "5.12", "5.13", "5.14" }, open(MORE, "non-continuation payload") .. hello, {}, PROTOCOL)
add("5.15", open(TEXT, "fragment1") .. frame(MORE, "fragment2") .. open(MORE, "fragment3") .. frame(TEXT, "fragment4"),
	{ whole }, PROTOCOL)
local stray = open(TEXT, "fragment2") .. frame(MORE, "fragment3")
add("5.16", (open(MORE, "fragment1") .. stray):rep(2), {}, PROTOCOL)
add("5.17", (frame(MORE, "fragment1") .. stray):rep(2), {}, PROTOCOL)
add("5.18", open(TEXT, "fragment1") .. frame(TEXT, "fragment2"), {}, PROTOCOL)
local five = open(TEXT, "fragment1") .. open(MORE, "fragment2") .. frame(PING, "pongme 1!") .. open(MORE, "fragment3")
	.. open(MORE, "fragment4") .. frame(PING, "pongme 2!") .. frame(MORE, "fragment5")
local five_back = { { PONG, "pongme 1!" }, { PONG, "pongme 2!" },
	{ TEXT, "fragment1fragment2fragment3fragment4fragment5" } }
add("5.19", five, five_back)
add("5.20", five, five_back, nil, 15)

-- 6: texts in UTF-8
add("6.1.1", frame(TEXT), { { TEXT, "" } })
add("6.1.2", open(TEXT) .. open(MORE) .. frame(MORE), { { TEXT, "" } })
add("6.1.3", open(TEXT) .. open(MORE, "middle frame payload") .. frame(MORE), { { TEXT, "middle frame payload" } })
local greek = "Hello-µ@ßöäüàá-UTF-8!!"
add("6.2.1", frame(TEXT, greek), { { TEXT, greek } })
add("6.2.2", open(TEXT, "Hello-µ@ßöä") .. frame(MORE, "üàá-UTF-8!!"), { { TEXT, greek } })
add("6.2.3", fragments(TEXT, greek, 1), { { TEXT, greek } })
local kosme = bytes "ce ba e1 bd b9 cf 83 ce bc ce b5"
add("6.2.4", fragments(TEXT, kosme, 1), { { TEXT, kosme } })
local broken = kosme .. bytes "ed a0 80" .. "edited"
add("6.3.1", frame(TEXT, broken), {}, INVALID)
add("6.3.2", fragments(TEXT, broken, 1), {}, INVALID)
-- The third fragment, or the rest of the frame, never comes: what is wrong is seen before.
add("6.4.1", open(TEXT, kosme) .. open(MORE, bytes "f4 90 80 80"), {}, INVALID)
add("6.4.2", open(TEXT, kosme .. bytes "f4") .. open(MORE, bytes "90"), {}, INVALID)
add("6.4.3", frame(TEXT, kosme .. bytes "f4 90 80 80" .. "edited"), {}, INVALID, 21)
add("6.4.4", frame(TEXT, kosme .. bytes "f4 90 80 80" .. "edited"), {}, INVALID, 1)

local good = {
	["6.5"] = { "ce ba e1 bd b9 cf 83 ce bc ce b5" },
	["6.7"] = { "00", "c2 80", "e0 a0 80", "f0 90 80 80" },
	["6.9"] = { "7f", "df bf", "ef bf bf", "f4 8f bf bf" },
	["6.11"] = { "ed 9f bf", "ee 80 80", "ef bf bd", "f4 8f bf bf" },
	["6.22"] = { "ef bf be", "ef bf bf", "f0 9f bf be", "f0 9f bf bf", "f0 af bf be", "f0 bf bf bf", "f1 8f bf be",
		"f2 bf bf bf", "f3 bf bf be", "f4 8f bf be", "f4 8f bf bf" },
	["6.23"] = { "ef bf b9", "ef bf ba", "ef bf bb", "ef bf bc", "ef bf bd", "ef bf be", "ef bf bf" },
}
local bad = {
	["6.6"] = { "ce", "ce ba e1", "ce ba e1 bd", "ce ba e1 bd b9 cf", "ce ba e1 bd b9 cf 83 ce" },
	["6.8"] = { "f8 88 80 80 80", "fc 84 80 80 80 80" },
	["6.10"] = { "f7 bf bf bf", "fb bf bf bf bf", "fd bf bf bf bf bf" },
	["6.12"] = { "80", "bf", "80 bf", "80 bf 80", "80 bf 80 bf", "80 bf 80 bf 80", "80 bf 80 bf 80 bf" },
	["6.13"] = { "c0 20 c1 20 df 20", "e0 20 ef 20", "f0 20 f7 20", "f8 20 fb 20", "fc 20 fd 20" },
	["6.14"] = { "c0", "e0 80", "f0 80 80", "f8 80 80 80", "fc 80 80 80 80", "df", "ef bf", "f7 bf bf", "fb bf bf bf",
		"fd bf bf bf bf" },
	["6.15"] = { "c0 e0 80 f0 80 80 f8 80 80 80 fc 80 80 80 80 df ef bf f7 bf bf fb bf bf bf fd bf bf bf bf" },
	["6.16"] = { "fe", "ff", "fe fe ff ff" },
	["6.17"] = { "c0 af", "e0 80 af", "f0 80 80 af", "f8 80 80 80 af", "fc 80 80 80 80 af" },
	["6.18"] = { "c1 bf", "e0 9f bf", "f0 8f bf bf", "f8 87 bf bf bf", "fc 83 bf bf bf bf" },
	["6.19"] = { "c0 80", "e0 80 80", "f0 80 80 80", "f8 80 80 80 80", "fc 80 80 80 80 80" },
	["6.20"] = { "ed a0 80", "ed ad bf", "ed ae 80", "ed af bf", "ed b0 80", "ed be 80", "ed bf bf" },
	["6.21"] = { "ed a0 80 ed b0 80", "ed a0 80 ed bf bf", "ed ad bf ed b0 80", "ed ad bf ed bf bf",
		"ed ae 80 ed b0 80", "ed ae 80 ed bf bf", "ed af bf ed b0 80", "ed af bf ed bf bf" },
}
for part = 5, 23 do
	local name = "6." .. part
	for i, hex in ipairs(good[name] or {}) do
		local text = bytes(hex)
		add(name .. "." .. i, fragments(TEXT, text, i % 2 == 0 and 1 or 100), { { TEXT, text } })
	end
	for i, hex in ipairs(bad[name] or {}) do
		add(name .. "." .. i, fragments(TEXT, bytes(hex), i % 2 == 0 and 1 or 100), {}, INVALID)
	end
end

-- 7: closing. `ends` 1000 stands for the answer to a close frame in order.
local DONE = 1000
add("7.1.1", hello .. close(1000), { echo }, DONE)
add("7.1.2", close(1000) .. close(1000), {}, DONE)
add("7.1.3", close(1000) .. frame(PING, "after close"), {}, DONE)
add("7.1.4", close(1000) .. hello, {}, DONE)
add("7.1.5", open(TEXT, "fragment1") .. close(1000) .. frame(MORE, "fragment2"), {}, DONE)
local quarter = ("BAsd7&jh23"):rep(26214)
add("7.1.6", frame(TEXT, quarter) .. close(1000) .. frame(PING), { { TEXT, quarter } }, DONE)
add("7.3.1", close(), {}, DONE)
add("7.3.2", frame(CLOSE, "a"), {}, PROTOCOL)
add("7.3.3", close(1000), {}, DONE)
add("7.3.4", close(1000, "Hello World!"), {}, DONE)
add("7.3.5", close(1000, ("*"):rep(123)), {}, DONE)
add("7.3.6", close(1000, ("*"):rep(124)), {}, PROTOCOL)
add("7.5.1", close(1000, broken), {}, INVALID)
for i, code in ipairs { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999 } do
	add("7.7." .. i, close(code), {}, DONE)
end
for i, code in ipairs { 0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999 } do
	add("7.9." .. i, close(code), {}, PROTOCOL)
end
add("7.13.1", close(5000), {}, PROTOCOL)
add("7.13.2", close(65535), {}, PROTOCOL)

-- 9: large messages, large messages in fragments, in small pieces, and many messages
local M = 1024 * 1024
for kind, opcode in ipairs { TEXT, BINARY } do
	local letter = kind == 1 and "*" or "\254"
	for i, size in ipairs { 64 * 1024, 256 * 1024, M, 4 * M, 8 * M, 16 * M } do
		local text = letter:rep(size)
		add(("9.%d.%d"):format(kind, i), frame(opcode, text), { { opcode, text } })
	end
	local text = letter:rep(4 * M)
	for i, size in ipairs { 64, 256, 1024, 4096, 16384, 65536, 262144, M, 4 * M } do
		add(("9.%d.%d"):format(kind + 2, i), fragments(opcode, text, size), { { opcode, text } })
	end
	text = letter:rep(M)
	for i, size in ipairs { 64, 128, 256, 512, 1024, 2048 } do
		add(("9.%d.%d"):format(kind + 4, i), frame(opcode, text), { { opcode, text } }, nil, size)
	end
	for i, size in ipairs { 0, 16, 64, 256, 1024, 4096 } do
		local one, back = letter:rep(size), {}
		for n = 1, 1000 do back[n] = { opcode, one } end
		add(("9.%d.%d"):format(kind + 6, i), frame(opcode, one):rep(1000), back)
	end
end

return autobahn
