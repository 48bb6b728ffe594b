--- Adds the routes of the demo's web page to a router: a greeting, the page itself, and the static files.
local staticfile = require "staticfile"

local NOT_FOUND = "404 Not found"

local function file_answer(name)
	local content = staticfile[name]
	if content then return content, 200 end
	return NOT_FOUND, 404
end

---@param r router
return function(r)
	r:get("/hw", function() return "someone said hello" end)
	r:get("/", function() return file_answer "index.html" end)
	r:get("/static/:filename", function(params) return file_answer(params.filename) end)
end
