--- `.service`: the unique services of a node, and on the master node, as `SERVICE`, those of the harbor network.
local skynet = require "skynet"
require "skynet.manager"
local snax = require "skynet.snax"

---@class service_mgr.entry  one unique service
---@field handle? integer     once it is ready
---@field err? string         why it could not be started
---@field starting? boolean   somebody has asked to start it
---@field waiting table[]     tokens of those who wait until it is ready, or has failed

local entries = {} ---@type table<string, service_mgr.entry>
local nodes = {} ---@type table<integer, true>  on the master node: the managers of the other nodes

local function entry_of(key)
	local entry = entries[key]
	if not entry then
		entry = { waiting = {} }
		entries[key] = entry
	end
	return entry
end

local function wait(entry)
	while not entry.handle and not entry.err do
		local token = {}
		table.insert(entry.waiting, token)
		skynet.wait(token)
	end
	return entry.handle, entry.err
end

-- A service of snax is known by the file that it runs; the program is the same for all.
local function key_of(name, sub)
	if name == "snaxd" or name == "@snaxd" then return name .. "." .. tostring(sub) end
	return name
end

-- `@name` is a service of the network.
local function start(name, ...)
	local program = name:match "^@?(.*)"
	if program == "snaxd" then return snax.rawnewservice(...) end
	return skynet.newservice(program, ...)
end

local command = {}

function command.LAUNCH(name, ...)
	local entry = entry_of(key_of(name, ...))
	if entry.starting or entry.handle or entry.err then return wait(entry) end
	entry.starting = true
	local ok, handle = pcall(start, name, ...)
	if not ok then
		entry.err = tostring(handle)
	elseif handle then
		entry.handle = handle
	else
		entry.err = name .. " exited while it started"
	end
	for _, token in ipairs(entry.waiting) do skynet.wakeup(token) end
	entry.waiting = {}
	return entry.handle, entry.err
end

function command.QUERY(name, ...)
	return wait(entry_of(key_of(name, ...)))
end

local function list()
	local result = {}
	for key, entry in pairs(entries) do
		if entry.handle then
			result[key] = skynet.address(entry.handle)
		elseif entry.err then
			result[key] = "Error: " .. entry.err
		elseif entry.starting then
			result[key] = "Starting, " .. #entry.waiting .. " wait"
		else
			result[key] = "Not started, " .. #entry.waiting .. " wait"
		end
	end
	return result
end

-- The master node is asked by the others: REPORT makes a node known to it.
local function be_master()
	function command.GLAUNCH(name, ...)
		return command.LAUNCH("@" .. name, ...)
	end

	function command.GQUERY(name, ...)
		return command.QUERY("@" .. name, ...)
	end

	function command.REPORT(manager)
		nodes[manager] = true
	end

	function command.LIST()
		local result = list()
		local requests = skynet.request()
		for manager in pairs(nodes) do requests:add { manager, "lua", "LIST" } end
		for request, answer in requests:select() do
			local manager = request[1]
			if answer then
				local harbor = skynet.harbor(manager)
				for name, state in pairs(answer[1]) do
					if name:sub(1, 1) ~= "@" then result[name .. "@" .. harbor] = state end
				end
			else
				nodes[manager] = nil -- it went down
			end
		end
		return result
	end

	skynet.register "SERVICE"
end

local function be_slave()
	local known = {} ---@type table<string, integer>  services of the network

	local function ask_master(request, name, ...)
		name = "@" .. name
		local key = key_of(name, ...)
		if known[key] then return known[key] end
		local handle, err = skynet.call("SERVICE", "lua", request, name, ...)
		known[key] = handle
		return handle, err
	end

	function command.GLAUNCH(...)
		return ask_master("LAUNCH", ...)
	end

	function command.GQUERY(...)
		return ask_master("QUERY", ...)
	end

	command.LIST = list

	skynet.call("SERVICE", "lua", "REPORT", skynet.self())
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		local f = command[name]
		if f then
			skynet.retpack(f(...))
		else
			skynet.retpack(nil, "Invalid command " .. tostring(name))
		end
	end)
	skynet.register ".service"
	if skynet.getenv "standalone" then
		be_master()
	else
		be_slave()
	end
end)
