-- Answers web requests, one for each connection. `web_agent PROTOCOL`, with PROTOCOL "http" or "https"; then each lua
-- message is the fd of a connection to serve.
local skynet = require "skynet"
local printable = require "printable"
local router = require "router"
local urls = require "http.url"
local web_router = require "web_router"
local web_server = require "web_server"

local LOGGED_BYTES = 256 -- so much of an answer is shown in the log
local NOT_FOUND = "404 Not found"

local routes = router.new()
web_router(routes)

routes:get("/hello", function() return "someone said hello" end)

routes:get("/hello/:name", function(params) return "hello, " .. params.name end)

routes:post("/app/:id/comments", function(params)
	return "comment " .. params.comment .. " created on app " .. params.id
end)

-- The body and the status of an answer.
local function answer(method, url, header, body)
	skynet.error(printable(url))
	local path, query = urls.parse(url)
	local params = urls.parse_query(query)
	local asked = method == "HEAD" and "GET" or method -- the same answer; only its head is sent
	local handler, merged = routes:resolve(asked, path, params, { header = header, body = body })
	local result, status = NOT_FOUND, 404
	if handler then result, status = handler(merged) end
	status = status or 200
	skynet.error(printable(tostring(result):sub(1, LOGGED_BYTES)), status)
	return result, status
end

local serve = web_server { protocol = ..., answer = answer }

skynet.start(function()
	skynet.dispatch("lua", function(_, _, fd)
		skynet.error("start id:", fd)
		serve(fd)
	end)
end)
