-- What the distribution's LPeg does not have yet.
local lpeg = require "lpeg"
local T = require "harness"

local floor, char = math.floor, string.char

local function encode(code)
	if code < 0x80 then return char(code) end
	local tail = char(0x80 + code % 64)
	code = floor(code / 64)
	if code < 0x20 then return char(0xc0 + code) .. tail end
	tail = char(0x80 + code % 64) .. tail
	code = floor(code / 64)
	if code < 0x10 then return char(0xe0 + code) .. tail end
	return char(0xf0 + floor(code / 64)) .. char(0x80 + code % 64) .. tail
end

T.test("lpeg.utfR matches the code points of its range and no others", function()
	local random = T.random(20)
	local edges = { 0, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x10ffff, 0xd800, 0xdfff, 0x3f, 0x40, 0xfff, 0x1000, 0x40000 }
	for _ = 1, 200 do edges[#edges + 1] = random(0x110000) - 1 end
	for i = 1, #edges do
		local from, to = edges[i], edges[random(#edges)]
		if from > to then from, to = to, from end
		local pattern = lpeg.utfR(from, to)
		local others = { from, to, from - 1, to + 1, from + 1, to - 1 }
		for _ = 1, 50 do others[#others + 1] = edges[random(#edges)] end
		for _, code in ipairs(others) do
			if code >= 0 and code <= 0x10ffff then
				local text = encode(code)
				local want = code >= from and code <= to and #text + 1 or nil
				T.eq(pattern:match(text), want, ("%x in %x..%x"):format(code, from, to))
			end
		end
	end
end)

T.test("lpeg.utfR takes no text that is cut, and no byte alone", function()
	local any = lpeg.utfR(0, 0x10ffff)
	for _, text in ipairs { "", "\128", "\191", "\255", "\195", "\226\130", "\240\144\128", "\192\128", "\244\144\128\128" } do
		T.eq(any:match(text), nil, text)
	end
	T.eq((lpeg.C(lpeg.utfR(0x4e00, 0x9fff) ^ 1)):match "网关x", "网关")
	T.eq((any ^ 0 * -1):match "aé网😀", 11)
end)

T.test("a range that is none is an error", function()
	T.raises("the range is empty", lpeg.utfR, 5, 4)
	T.raises("a code point is 0 to 0x10ffff", lpeg.utfR, 0, 0x110000)
	T.raises("a code point is 0 to 0x10ffff", lpeg.utfR, -1, 5)
end)

T.run()
