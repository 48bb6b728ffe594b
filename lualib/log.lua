--- Log lines with a level as their first word. There is no filter: every line is written.
local skynet = require "skynet"

local log = {}

---@param ... any  joined by blanks
function log.debug(...)
	skynet.error("[DEBUG]", ...)
end

---@param ... any  joined by blanks
function log.info(...)
	skynet.error("[INFO]", ...)
end

---@param ... any  joined by blanks
function log.warn(...)
	skynet.error("[WARN]", ...)
end

--- A second entry shows where the call came from.
---@param ... any  joined by blanks
function log.error(...)
	skynet.error("[ERROR]", ...)
	skynet.error("[ERROR]", (debug.traceback("", 2):gsub("^\n", "")))
end

return log
