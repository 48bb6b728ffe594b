--- Read-only tables from files, shared by all services and replaced while they run.
---
--- Which service reads which files stands in data/service2datalist.lua: service key -> { [file] = true }. Always read
--- through `staticdata.get`: a table kept from before an update keeps the old content.
local skynet = require "skynet"
local debug_commands = require "skynet.debug"
local service2datalist = require "data.service2datalist"
local sharetable = require "skynet.sharetable"

local staticdata = {}

local UPDATE_LIMIT = 1000 -- 1/100 s that a service may take to look at its new data

local my_key -- of this service, from init() on
local my_tables = {} -- file -> shared table

local function refresh(files)
	if not my_key then return end
	skynet.error("sharetable_update", my_key)
	for _, name in ipairs(files) do
		if my_tables[name] then
			skynet.error("sharetable data update begin. name:", name, my_tables[name])
			my_tables[name] = sharetable.query(name)
			skynet.error("sharetable data update ok. name:", name, my_tables[name])
		end
	end
end

--- Lets `update` reach the service that is being started. Call it in the script that the config key `preload` names.
function staticdata.preload()
	skynet.init(function()
		debug_commands.reg_debugcmd("sharetable_update", function(files)
			refresh(files)
			skynet.ret()
		end)
	end)
end

--- Loads every listed file. To be called once in a node, before services ask for their data.
---@async
function staticdata.loadfiles()
	local loaded = {}
	for _, files in pairs(service2datalist) do
		for name in pairs(files) do
			if not loaded[name] then
				loaded[name] = true
				skynet.error("loadfile:", name)
				sharetable.loadfile(name)
			end
		end
	end
	skynet.error "loadfiles ok"
end

--- Takes the tables that are listed for a key.
---@async
---@param key string  in data/service2datalist.lua
function staticdata.init(key)
	my_key = key
	for name in pairs(service2datalist[key] or {}) do
		my_tables[name] = sharetable.query(name)
	end
end

--- The table of a file; nil when the file is not listed for this service.
---@param name string
---@return table?
function staticdata.get(name)
	local data = my_tables[name]
	skynet.error("get:", name, data)
	return data
end

--- Reads files again and has every service take the new content. Raises when a file cannot be loaded; then the
--- services keep what they have.
---@async
---@param files string[]
function staticdata.update(files)
	for _, name in ipairs(files) do
		sharetable.loadfile(name)
	end
	local request = skynet.request()
	for address in pairs(skynet.call(".launcher", "lua", "LIST")) do
		request:add { address, "debug", "sharetable_update", files }
	end
	for asked, answer in request:select(UPDATE_LIMIT) do
		if not answer then skynet.error("staticdata.update: failed in", asked[1]) end
	end
	if request.timeout then skynet.error "staticdata.update: some services have not answered yet" end
end

return staticdata
