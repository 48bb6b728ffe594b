--- 64-bit integers on both engines. Lua 5.4 has them; LuaJIT's numbers are doubles, exact up to 2^53 only, so
--- there a 64-bit integer is a cdata, with the same arithmetic operators and with `==` by value. As a *table
--- key*, though, each cdata is a value of its own: index by `int64.key`.
local written = require "skynet.engine".written

local int64 = {}

local ffi = rawget(_G, "jit") and require "ffi"

if ffi then
	local int64_t = ffi.typeof "int64_t"

	--- An integer whose sums and products are exact in 64 bits.
	---@param n number  integral
	---@return integer
	function int64.new(n)
		return int64_t(n)
	end

	--- Whether a value counts as a number: on LuaJIT, a 64-bit cdata does too.
	---@param value any
	---@return boolean
	function int64.is_number(value)
		return type(value) == "number" or ffi.istype(int64_t, value)
	end

	--- The decimal digits of an integer of any size.
	---@param n integer
	---@return string
	function int64.tostring(n)
		return written(type(n) == "number" and int64_t(n) or n)
	end
else
	function int64.new(n)
		return math.tointeger(n)
	end

	function int64.is_number(value)
		return type(value) == "number"
	end

	function int64.tostring(n)
		return string.format("%d", n)
	end
end

--- What to index a table with: the same for equal integers, however they were made.
---@param n integer
---@return string
int64.key = int64.tostring

return int64
