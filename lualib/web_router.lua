--- Adds the routes of the demo's web page to a router: a greeting, the page itself, and the static files.
local skynet = require "skynet"
local staticfile = require "staticfile"

local NOT_FOUND = "404 Not found"

local function file_answer(name)
	local content = staticfile[name]
	if content then return content, 200 end
	return NOT_FOUND, 404
end

-- The page opens a WebSocket to the port that the config gives.
local function page()
	local content, status = file_answer "index.html"
	local port = skynet.getenv "ws_port"
	if port and port:find "^%d+$" then content = content:gsub("const WS_PORT = %d+;", "const WS_PORT = " .. port .. ";", 1) end
	return content, status
end

---@param r router
return function(r)
	r:get("/hw", function() return "someone said hello" end)
	r:get("/", page)
	r:get("/static/:filename", function(params) return file_answer(params.filename) end)
end
