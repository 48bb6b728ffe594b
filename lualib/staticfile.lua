--- The files below the folder `static_path` (default "./static/"), by name: `staticfile["index.html"]` is the
--- content, or nil. What was read, and what was not there, is kept until the next garbage collection.
local config = require "config"

-- Each entry is a table around the content, because strings never leave a weak table.
local cache = setmetatable({}, { __mode = "v" })

local function read(name)
	if ("/" .. name .. "/"):find("/../", 1, true) then return nil end -- that leads out of the folder
	if name:find("\0", 1, true) then return nil end -- the system would take what is in front of it for the name
	local folder = config.get "static_path" or "./static/"
	local file = io.open(folder .. name, "rb")
	if not file then return nil end
	local content = file:read "*a" -- nil for a folder
	file:close()
	return content
end

local function lookup(_, name)
	local entry = cache[name]
	if not entry then
		entry = { content = read(name) }
		cache[name] = entry
	end
	return entry.content
end

return setmetatable({}, { __index = lookup })
