--- Behind skynet.service: starts the services that are made from functions, one of each name.
local skynet = require "skynet"
require "skynet.manager"
local killed = require "skynet.killed"

---@class service_provider.entry
---@field handle? integer      once it is ready
---@field failed? boolean
---@field cell? integer        the service that runs the function, while that is at it
---@field starter? thread      the task that is at it
---@field waiting function[]   answers to those who want it
---@field time? number         when it was started
---@field init? string         the place of the function in its source

local entries = {} ---@type table<string, service_provider.entry>

local function entry_of(name)
	local entry = entries[name]
	if not entry then
		entry = { waiting = {} }
		entries[name] = entry
	end
	return entry
end

local function answer_all(entry, ...)
	local waiting = entry.waiting
	entry.waiting = {}
	for _, answer in ipairs(waiting) do answer(...) end
end

local function fail(entry)
	local cell = entry.cell
	entry.cell, entry.starter, entry.failed = nil, nil, true
	answer_all(entry, false)
	if cell then skynet.kill(cell) end
end

-- Whoever kills the task that starts a service must not leave the others waiting.
killed.listen(entries, function(co)
	for _, entry in pairs(entries) do
		if entry.starter == co then fail(entry) end
	end
end)

-- Bytecode runs only on the engine that made it.
local function module_for(code)
	return code:sub(1, 3) == "\27LJ" and "snjit" or "snlua"
end

local function run(entry, name, code, ...)
	entry.cell = skynet.call(".launcher", "lua", "LAUNCH", module_for(code), "service_cell", name)
	entry.init = skynet.call(entry.cell, "lua", "init", code, ...)
end

local command = {}

function command.query(name)
	local entry = entry_of(name)
	if entry.failed then error(name .. " has failed to start") end
	if entry.handle then
		skynet.retpack(entry.handle)
	else
		table.insert(entry.waiting, skynet.response())
	end
end

function command.launch(name, code, ...)
	local entry = entry_of(name)
	if entry.time then return command.query(name) end
	entry.time, entry.starter = skynet.time(), coroutine.running()
	local ok, err = pcall(run, entry, name, code, ...)
	entry.starter = nil
	local cell = entry.cell
	if entries[name] ~= entry then -- closed meanwhile
		answer_all(entry, false)
		if cell then skynet.kill(cell) end
		error(name .. " was closed while it started")
	end
	if not ok then
		fail(entry)
		error(err, 0)
	end
	entry.handle, entry.cell = cell, nil
	answer_all(entry, true, cell)
	skynet.retpack(cell)
end

-- The handle, if it is ready; else whether its start has begun.
function command.test(name)
	local entry = entries[name]
	if not entry then
		skynet.retpack(nil, false)
	elseif entry.failed then
		error(name .. " has failed to start")
	else
		skynet.retpack(entry.handle, entry.time ~= nil)
	end
end

-- Forgets the service, which goes on. Answers its address, or nil; then true, when there was a start to be forgotten that
-- has failed, or has not come to an end.
function command.close(name)
	local entry = entries[name]
	if not entry or not entry.time then
		skynet.retpack(nil)
		return
	end
	entries[name] = nil
	if entry.handle then
		skynet.retpack(entry.handle)
	else
		if entry.cell then skynet.kill(entry.cell) end
		skynet.retpack(nil, true)
	end
end

local function status_of(entry)
	if entry.handle then return skynet.address(entry.handle) end
	if entry.failed then return "failed" end
	if entry.time then return "booting" end
	return "queried"
end

skynet.info_func(function()
	local info = {}
	for name, entry in pairs(entries) do
		info[name] = {
			init = entry.init,
			name = name,
			time = entry.time and os.date("%Y-%m-%d %H:%M:%S", math.floor(entry.time)),
			status = status_of(entry),
		}
	end
	return info
end)

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		local f = command[name]
		if not f then error("Unknown command " .. tostring(name)) end
		f(...)
	end)
end)
