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

---@class skynet.sharemap.writer
---@field private __typename string
---@field private __obj function  the writer of skynet.stm
local writer = {}
writer.__index = writer

local function encode(typename, obj)
	return load_schema():encode(typename, obj)
end

--- Publishes the fields as they are now.
function writer:commit()
	rawget(self, "__obj")(encode(rawget(self, "__typename"), self))
end

--- A handle for one reader.
---@return lightuserdata
function writer:copy()
	return stm.copy(rawget(self, "__obj"))
end

--- A writer: its fields are read and assigned as those of a table.
---@param typename string
---@param obj table  the first values; becomes the writer
---@return skynet.sharemap.writer
function sharemap.writer(typename, obj)
	obj = obj or {}
	obj.__typename = typename
	obj.__obj = stm.new(encode(typename, obj))
	return setmetatable(obj, writer)
end

local function decode(msg, size, self)
	local data = load_schema():decode(rawget(self, "__typename"), msg, size)
	rawset(self, "__data", data)
	return data
end

local reader_methods = {}

--- Takes over what was committed last.
---@return boolean changed  with true comes the data
---@return table? data
function reader_methods:update()
	return rawget(self, "__obj")(decode, self)
end

local reader = {}

function reader:__index(key)
	local data = rawget(self, "__data")
	local value = data and data[key]
	if value ~= nil then return value end
	return reader_methods[key]
end

function reader:__newindex(key)
	error(string.format("sharemap: the reader's field %s can't be assigned", tostring(key)), 2)
end

--- A reader of what a writer commits; update() moves it.
---@param typename string
---@param handle lightuserdata  from the writer's copy()
---@return table
function sharemap.reader(typename, handle)
	local self = { __typename = typename, __obj = stm.newcopy(handle) }
	self.__obj(decode, self)
	return setmetatable(self, reader)
end

return sharemap
