--- What the two Lua engines do differently, in one place, under one name each.
local engine = {}

-- By rawget, here and wherever this tree looks for a global that one engine lacks: an application may make the read of
-- an undefined global an error.
local newproxy = rawget(_G, "newproxy")

engine.unpack = table.unpack or unpack

engine.pack = table.pack or function(...)
	return { n = select("#", ...), ... }
end

--- An object whose collection, or the end of its Lua state, calls `f` once. Keep it in what it guards.
--- `f` runs inside the collector: it must neither block nor raise, and must not refer to the guarded object.
---@param f fun()
---@return table|userdata
function engine.finalizer(f)
	if newproxy then
		-- LuaJIT knows __gc for userdata only.
		local proxy = newproxy(true)
		getmetatable(proxy).__gc = f
		return proxy
	end
	return setmetatable({}, { __gc = f })
end

--- Ends a suspended coroutine. Lua 5.4 runs what waits to be closed in it; on LuaJIT nothing does, the coroutine
--- only must not be resumed any more.
---@param co thread
---@return boolean ok
---@return any err
function engine.close(co)
	if coroutine.close then return coroutine.close(co) end
	return true
end

--- What to write for a value where a number becomes text. LuaJIT rounds what has more than 14 digits, and puts letters
--- behind a number of 64 bits: there it is the digits. Anything else, and on Lua 5.4 everything, is returned as it is.
---@param value any
---@return any
function engine.written(value)
	return value
end

if rawget(_G, "jit") then
	local EXACT = 2 ^ 53

	function engine.written(value)
		local kind = type(value)
		if kind == "number" then
			local whole = value % 1 == 0 and value >= -EXACT and value <= EXACT and value ~= 0
			return whole and string.format("%d", value) or value
		end
		return kind == "cdata" and tostring(value):match "^(-?%d+)U?LL$" or value
	end
end

return engine
