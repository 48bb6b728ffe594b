--- Log lines with a level as their first word. The config's `log_level` ("debug", "info", "warn", "error") is the lowest
--- one that is written; without it every line is.
local skynet = require "skynet"

local log = {}

local LEVELS = { debug = 1, info = 2, warn = 3, error = 4 }

local wanted = skynet.getenv "log_level"
local lowest = LEVELS[wanted or "debug"]
if not lowest then
	skynet.error(string.format("error: the option `log_level` is %s, not debug, info, warn or error", wanted))
	lowest = LEVELS.debug
end

local function nothing() end

-- Below the level nothing is made of a line: a function that does nothing stands in for its own.
local function unless_below(level, f)
	return LEVELS[level] < lowest and nothing or f
end

---@param ... any  joined by blanks
log.debug = unless_below("debug", function(...)
	skynet.error("[DEBUG]", ...)
end)

---@param ... any  joined by blanks
log.info = unless_below("info", function(...)
	skynet.error("[INFO]", ...)
end)

---@param ... any  joined by blanks
log.warn = unless_below("warn", function(...)
	skynet.error("[WARN]", ...)
end)

--- A second entry shows where the call came from.
---@param ... any  joined by blanks
function log.error(...)
	skynet.error("[ERROR]", ...)
	skynet.error("[ERROR]", (debug.traceback("", 2):gsub("^\n", "")))
end

return log
