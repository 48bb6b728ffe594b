-- For a running shop: another price. What it has sold stays.
local CMD = _P.lua.CMD -- a table among the upvalues of the function that dispatches "lua"
local old = CMD.buy

local sold = 0
function CMD.buy(count)
	sold = sold + count
	return sold * 12
end

local function index_of(f, name)
	for i = 1, 255 do
		if debug.getupvalue(f, i) == name then return i end
	end
end
debug.upvaluejoin(CMD.buy, index_of(CMD.buy, "sold"), old, index_of(old, "sold"))
print "a piece costs 12 now"
