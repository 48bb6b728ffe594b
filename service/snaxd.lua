--- Runs a snax service: `snaxd NAME`.
local skynet = require "skynet"
local profile = require "skynet.profile"
local snax = require "skynet.snax"
local interface = require "snax.interface"
local debugcmd = require "skynet.debug"
local killed = require "skynet.killed"

local name = ...

local chunk, pattern = interface.find(name, _G)
SERVICE_NAME = name
SERVICE_PATH = pattern:gsub("%?", (name:gsub("%%", "%%%%"))):match "^(.*/)[^/]*$" or "./"
package.path = SERVICE_PATH .. "?.lua;" .. package.path

local methods = interface.methods(chunk, _G)
local profiles = {} ---@type table<string, { count: integer, time: number }>
local initialised = false

local system = {}

function system.init(f, ...)
	if initialised then error(name .. " is initialised already") end
	initialised = true
	if f then
		local ok, err = xpcall(f, debug.traceback, ...)
		if not ok then
			skynet.error(string.format("init of %s failed: %s", name, tostring(err)))
			skynet.exit() -- fails the request
		end
	end
	skynet.ret()
end

-- While the file's `exit` runs: the answers to others who have asked for the end meanwhile.
local leaving ---@type function[]?

function system.exit(f, ...)
	if leaving then
		leaving[#leaving + 1] = skynet.response()
		return
	end
	leaving = {}
	-- When the task is killed the service stays.
	killed.hold(system, function()
		for _, answer in ipairs(leaving) do answer(false) end
		leaving = nil
	end)
	local ok, err
	if f then ok, err = xpcall(f, debug.traceback, ...) end
	if ok == false then skynet.error(string.format("exit of %s failed: %s", name, tostring(err))) end
	skynet.ret()
	for _, answer in ipairs(leaving) do answer(true) end
	skynet.exit()
end

function system.hotfix(_, source, ...)
	local apply = require "snax.hotfix"
	skynet.retpack(pcall(apply, methods, source, ...))
end

function system.profile()
	skynet.retpack(profiles)
end

-- Notes what a method took; its results, or its error, go on.
local function measured(method, ok, ...)
	local seconds = profile.stop()
	local entry = profiles[method]
	if not entry then
		entry = { count = 0, time = 0 }
		profiles[method] = entry
	end
	entry.count = entry.count + 1
	entry.time = entry.time + seconds
	if not ok then error((...), 0) end
	return ...
end

local function run(method, f, ...)
	profile.start()
	return measured(method, xpcall(f, debug.traceback, ...))
end

skynet.dispatch("snax", function(_, _, id, ...)
	local method = methods[id]
	if not method then error(string.format("%s has no method %s", name, tostring(id))) end
	local group, method_name, f = method[2], method[3], method[4]
	if group == "response" then
		skynet.retpack(run(method_name, f, ...))
	elseif group == "accept" then
		run(method_name, f, ...)
	else
		system[method_name](f, ...)
	end
end)

-- The end of the node is an end like any other.
debugcmd.reg_debugcmd("EXIT", function() snax.exit() end)

skynet.start(function() end)
