--- Tables: copies, parts, and text for people to read.
local tables = {}

-- pairs() that honours __pairs on LuaJIT as well.
local function each(t)
	local meta = getmetatable(t)
	local iterate = type(meta) == "table" and meta.__pairs
	if iterate then return iterate(t) end
	return pairs(t)
end

local function copy(value, copies)
	if type(value) ~= "table" then return value end
	if copies[value] then return copies[value] end
	local result = {}
	copies[value] = result
	for k, v in pairs(value) do
		result[copy(k, copies)] = copy(v, copies)
	end
	return result
end

--- A copy of a table and of every table in it, keys included, without their metatables. What two fields
--- shared, their copies share. Any other value is returned as it is.
---@generic T
---@param value T
---@return T
function tables.deepcopy(value)
	return copy(value, {})
end

---@param t table
---@return any[] keys  in no order
function tables.keys(t)
	local list = {}
	for k in pairs(t) do
		list[#list + 1] = k
	end
	return list
end

---@param t table
---@return any[] values  in no order
function tables.values(t)
	local list = {}
	for _, v in pairs(t) do
		list[#list + 1] = v
	end
	return list
end

--- The number of fields, of any key; 0 for what is no table.
---@param t any
---@return integer
function tables.size(t)
	if type(t) ~= "table" then return 0 end
	local count = 0
	for _ in pairs(t) do
		count = count + 1
	end
	return count
end

--- Removes every field.
---@param t table
function tables.clear(t)
	for k in pairs(t) do
		t[k] = nil
	end
end

--- Writes the fields of `from` over those of `into`; tables in them are shared, not copied.
---@param into table
---@param from table
function tables.merge(into, from)
	for k, v in pairs(from) do
		into[k] = v
	end
end

--- The key under which a table holds a value.
---@param t table
---@param value any
---@return any key  nil: it does not
function tables.in_array(t, value)
	for k, v in pairs(t) do
		if v == value then return k end
	end
end

local function quote(s)
	s = s:gsub("\n", "\\n")
	if s:find('"', 1, true) and not s:find("'", 1, true) then return "'" .. s .. "'" end
	return '"' .. s:gsub('"', '\\"') .. '"'
end

local function show(value, open)
	local kind = type(value)
	if kind == "string" then return quote(value) end
	if kind == "function" then return '"' .. tostring(value) .. '"' end
	if kind ~= "table" then return tostring(value) end
	if open[value] then return '"' .. tostring(value) .. '"' end -- it contains itself
	open[value] = true
	local parts = { "{" }
	for k, v in each(value) do
		if type(k) == "string" and k:find "^[%a_][%w_]*$" then
			parts[#parts + 1] = k
		else
			parts[#parts + 1] = "[" .. show(k, open) .. "]"
		end
		parts[#parts + 1] = "="
		parts[#parts + 1] = show(v, open)
		parts[#parts + 1] = ","
	end
	parts[#parts + 1] = "}"
	open[value] = nil
	return table.concat(parts)
end

--- One line of text for a value, nearly Lua: `{k=v,[1]="x",}`. Made to be read, not to be loaded: reserved
--- words stand unquoted, functions as text, and a table inside itself as its address.
---@param value any
---@return string
function tables.tostring(value)
	return show(value, {})
end

return tables
