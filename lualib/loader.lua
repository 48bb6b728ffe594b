--- Loads a Lua service: finds its script, sets up its globals, runs it. The config key `lualoader` names this file;
--- its only argument is the service's argument string.
local words = {}
for word in string.gmatch(..., "%S+") do words[#words + 1] = word end

SERVICE_NAME = words[1]

local script, pattern
local errors = {}
for candidate in string.gmatch(LUA_SERVICE, "([^;]+);*") do
	local file = candidate:gsub("%?", (SERVICE_NAME:gsub("%%", "%%%%")))
	local f, err = loadfile(file)
	if f then
		script, pattern = f, candidate
		break
	end
	errors[#errors + 1] = err
end
if not script then error(table.concat(errors, "\n")) end

package.path, LUA_PATH = LUA_PATH, nil
package.cpath, LUA_CPATH = LUA_CPATH, nil
LUA_SERVICE = nil

-- A service in a folder of its own (`./?/main.lua`) finds its modules there first.
local folder = pattern:match "^(.*/)[^/?]*%.lua$"
if folder and folder:find("?", 1, true) then
	SERVICE_PATH = folder:gsub("%?", (SERVICE_NAME:gsub("%%", "%%%%")))
	package.path = SERVICE_PATH .. "?.lua;" .. package.path
else
	SERVICE_PATH = pattern:match "^(.*/)[^/]*$" or "./"
end

local unpack = table.unpack or unpack

if LUA_PRELOAD then
	local preload = assert(loadfile(LUA_PRELOAD))
	LUA_PRELOAD = nil
	preload(unpack(words))
end

require = require "skynet.require".require

script(unpack(words, 2))
