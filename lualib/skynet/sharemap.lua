--- A structure of a sproto type that one service writes and others read, each when it likes.
local stm = require "skynet.stm"
local sprotoloader = require "sprotoloader"

local sharemap = {}

-- The slot in which all services of the process find the schema.
local SLOT = 0

local schema ---@type any

local function load_schema()
	schema = schema or sprotoloader.load(SLOT)
	return schema
end

--- Reads the schema file; once per process, before anything else here.
---@param filename string
function sharemap.register(filename)
	sprotoloader.register(filename, SLOT)
	schema = nil
end

local function encode(typename, data)
	return load_schema():encode(typename, data)
end

-- The fields of a structure may have any name: they are no fields of the objects here, whose methods come first.
local function face(methods, data, new_field)
	local function index(_, key)
		local method = methods[key]
		if method ~= nil then return method end
		return data()[key]
	end
	return setmetatable({}, { __index = index, __newindex = new_field })
end

---@class skynet.sharemap.writer
---@field commit fun(self)  publishes the fields as they are now
---@field copy fun(self): lightuserdata  a handle for one reader

--- A writer: its fields are read and assigned as those of a table.
---@param typename string
---@param obj? table  the first values; assignments go there
---@return skynet.sharemap.writer
function sharemap.writer(typename, obj)
	obj = obj or {}
	local cell = stm.new(encode(typename, obj))
	local methods = {}
	function methods.commit() cell(encode(typename, obj)) end
	function methods.copy() return stm.copy(cell) end
	return face(methods, function() return obj end, obj)
end

---@class skynet.sharemap.reader
---@field update fun(self): boolean, table?  takes over what was committed last: whether that is new, and the data then

--- A reader of what a writer commits; update() moves it. Assigning to it raises.
---@param typename string
---@param handle lightuserdata  from the writer's copy()
---@return skynet.sharemap.reader
function sharemap.reader(typename, handle)
	local cell = stm.newcopy(handle)
	local data = {}
	local function decode(msg, size)
		data = load_schema():decode(typename, msg, size)
		return data
	end
	cell(decode)
	return face({ update = function() return cell(decode) end }, function() return data end, function(_, key)
		error(string.format("sharemap: the reader's field %s can't be assigned", tostring(key)), 2)
	end)
end

return sharemap
