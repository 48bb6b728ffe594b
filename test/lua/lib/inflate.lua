--- Deflate (RFC 1951), as far as a client of permessage-deflate needs it to look at what a server sends.

-- Codes of canonical Huffman, by length: { count = codes of each length, symbols = in the order of their codes }
local function huffman(lengths, first, last)
	local count, symbols = {}, {}
	for length = 1, 15 do
		count[length] = 0
		for symbol = first, last do
			if lengths[symbol] == length then
				count[length] = count[length] + 1
				symbols[#symbols + 1] = symbol - first
			end
		end
	end
	return { count = count, symbols = symbols }
end

local LENGTHS = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 }
local LENGTH_BITS = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 }
local ORDER = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 }

local fixed = {}
for i = 0, 287 do fixed[i] = i < 144 and 8 or i < 256 and 9 or i < 280 and 7 or 8 end
for i = 288, 317 do fixed[i] = 5 end

--- → function(message) → its bytes; one for a connection: messages refer to those before.
return function()
	local out = {} -- octets of all messages
	return function(message)
		local input, at, held, bits = message .. "\0\0\255\255", 1, 0, 0
		local function take(n)
			while bits < n do
				held, at, bits = held + input:byte(at) * 2 ^ bits, at + 1, bits + 8
			end
			local value = held % 2 ^ n
			held, bits = (held - value) / 2 ^ n, bits - n
			return value
		end
		local function symbol(code)
			local value, first, index = 0, 0, 0
			for length = 1, 15 do
				value = value + take(1)
				local count = code.count[length]
				if value - first < count then return code.symbols[index + value - first + 1] end
				index, first = index + count, (first + count) * 2
				value = value * 2
			end
			error "no such code"
		end
		local function codes()
			local literals, distances, n = 257 + take(5), 1 + take(5), 4 + take(4)
			local lengths = {}
			for i = 1, n do lengths[ORDER[i]] = take(3) end
			local code = huffman(lengths, 0, 18)
			local i = 0
			lengths = {}
			while i < literals + distances do
				local one = symbol(code)
				local value, times = one, 1
				if one == 16 then
					value, times = lengths[i - 1], 3 + take(2)
				elseif one > 16 then
					value, times = 0, one == 17 and 3 + take(3) or 11 + take(7)
				end
				for _ = 1, times do
					lengths[i] = value
					i = i + 1
				end
			end
			return huffman(lengths, 0, literals - 1), huffman(lengths, literals, literals + distances - 1)
		end
		local start = #out
		-- A flush ends with an empty stored block, which is where the input ends.
		while at <= #input do
			take(1)
			local kind = take(2)
			if kind == 0 then
				held, bits = 0, 0
				local size = input:byte(at) + input:byte(at + 1) * 256
				for i = at + 4, at + 3 + size do out[#out + 1] = input:byte(i) end
				at = at + 4 + size
			else
				local literal, distance
				if kind == 1 then
					literal, distance = huffman(fixed, 0, 287), huffman(fixed, 288, 317)
				else
					literal, distance = codes()
				end
				local one = symbol(literal)
				while one ~= 256 do
					if one < 256 then
						out[#out + 1] = one
					else
						local length = LENGTHS[one - 256] + take(LENGTH_BITS[one - 256])
						local d = symbol(distance)
						local extra = d < 4 and 0 or math.floor(d / 2) - 1
						local back = d < 4 and d + 1 or (2 + d % 2) * 2 ^ extra + 1 + take(extra)
						for _ = 1, length do out[#out + 1] = out[#out + 1 - back] end
					end
					one = symbol(literal)
				end
			end
		end
		local text = {}
		for i = start + 1, #out do text[#text + 1] = string.char(out[i]) end
		return table.concat(text)
	end
end
