--- What a service can ask of its node, and of its own figures. A part of skynet.
local skynet = require "skynet"
local core = require "skynet.core"
local engine = require "skynet.engine"

local M = {}

M.cache = require "skynet.codecache"

local ENGINE = rawget(_G, "jit") and "luajit" or "lua54"

---@return "lua54"|"luajit"  what this service runs on
function M.engine()
	return ENGINE
end

--- The handle of a local name `.x`.
---@return integer?
function M.localname(name)
	return core.addresscommand("QUERY", name)
end

--- Raises when the key is set already.
function M.setenv(key, value)
	assert(core.command("GETENV", key) == nil, "Can't setenv exist key : " .. key)
	core.command("SETENV", key .. " " .. engine.written(value))
end

local start_time

---@return integer seconds  wall clock, when the node started
function M.starttime()
	start_time = start_time or core.intcommand "STARTTIME"
	return start_time
end

---@return number seconds  wall clock, in steps of 1/100
function M.time()
	return skynet.now() / 100 + skynet.starttime()
end

---@return integer  messages that wait
function M.mqlen()
	return core.intcommand("STAT", "mqlen")
end

---@param what "mqlen"|"message"|"cpu"|"time"|"endless"
---@return number
function M.stat(what)
	return core.intcommand("STAT", what)
end

---@return boolean  whether a message took suspiciously long since the last question
function M.endless()
	return core.intcommand("STAT", "endless") == 1
end

--- Limits the memory of this service. Once, in the main chunk; counts from its end on.
---@param bytes integer
function M.memlimit(bytes)
	debug.getregistry().memlimit = bytes
	skynet.memlimit, M.memlimit = nil, nil -- a part is asked for again what is not there
end

return M
