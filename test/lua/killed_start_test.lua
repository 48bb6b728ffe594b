-- What waits for a service whose start is killed: the task that starts it, or the service itself.
local skynet = require "skynet"
require "skynet.manager"
local service = require "skynet.service"
local T = require "harness"

local function tasks_of(address)
	return skynet.call(address, "debug", "TASK")
end

-- Runs f in a task, which makes a task begin that stays in a function of `file`. → a function that kills that one
local function killer_of_what_begins(address, file, f)
	local before = tasks_of(address)
	skynet.fork(f)
	local co = T.eventually(function()
		for name, trace in pairs(tasks_of(address)) do
			if not before[name] and trace:find(file, 1, true) then return name:match "0x%x+" end
		end
	end)
	return function() T.eq(skynet.call(address, "debug", "KILLTASK", co), nil) end
end

-- Calls f in a task of its own. → a table that gets its results
local function watched(f, ...)
	local r = {}
	skynet.fork(function(...)
		r.ok, r.result = pcall(f, ...)
		r.done = true
	end, ...)
	return r
end

local function all_done(list)
	for i, r in ipairs(list) do
		T.eventually(function() return r.done end, nil, "the end of task " .. i)
	end
end

T.test("when the task that starts a unique service is killed, all who wait for it get an error", function()
	local first
	local kill = killer_of_what_begins(".service", "service_mgr.lua", function() first = watched(skynet.uniqueservice, "slow_start") end)
	local waiting = { watched(skynet.uniqueservice, "slow_start"), watched(skynet.queryservice, "slow_start") }
	T.eventually(function()
		local _, count = tostring(skynet.call(".service", "lua", "LIST").slow_start):gsub("stack traceback:", "")
		return count >= 3
	end)
	kill()
	table.insert(waiting, first)
	all_done(waiting)
	for _, r in ipairs(waiting) do T.eq(r.ok, false) end
	T.ok(tostring(waiting[1].result):find("the start of slow_start was killed", 1, true), waiting[1].result)
	T.raises("the start of slow_start was killed", skynet.queryservice, "slow_start")
end)

local function waits()
	local skynet = require "skynet"
	skynet.start(function() skynet.wait {} end)
end

local function answers()
	local skynet = require "skynet"
	skynet.start(function()
		skynet.dispatch("lua", function() skynet.retpack "here" end)
	end)
end

local provider

T.test("when the task that starts a service of skynet.service is killed, all who wait get an error, and close frees the name", function()
	provider = skynet.uniqueservice "service_provider"
	local first
	local kill = killer_of_what_begins(provider, "service_provider.lua", function() first = watched(skynet.call, provider, "lua", "launch", "stuck", string.dump(waits)) end)
	-- The service has its address, and runs the function.
	T.eventually(function()
		for address, name in pairs(skynet.call(".launcher", "lua", "LIST")) do
			if name:find("service_cell stuck", 1, true) then return next(tasks_of(address)) end
		end
	end)
	local waiting = { watched(service.query, "stuck"), watched(service.new, "stuck", waits) }
	skynet.call(provider, "debug", "INFO") -- both are there now
	kill()
	table.insert(waiting, first)
	all_done(waiting)
	for _, r in ipairs(waiting) do T.eq(r.ok, false) end
	T.eventually(function()
		for _, name in pairs(skynet.call(".launcher", "lua", "LIST")) do
			if name:find("service_cell stuck", 1, true) then return false end
		end
		return true
	end)
	T.eq(service.close "stuck", true)
	T.eq(skynet.call(service.new("stuck", answers), "lua"), "here")
end)

T.test("when the service that asked for a start is killed, the others get the service", function()
	local asker = skynet.newservice("killed_start_asker")
	skynet.send(asker, "lua")
	T.eventually(function() return skynet.call(provider, "debug", "INFO")["asked for"] end)
	local waiting = watched(service.query, "asked for")
	skynet.kill(asker)
	all_done { waiting }
	T.eq(waiting.ok, true, waiting.result)
	T.eq(skynet.call(waiting.result, "lua"), "here")
end)

T.run()
