-- The HTTP side of the rankings: one of the services that web_watchdog hands connections to. `rank_web PROTOCOL`; then
-- each lua message is the fd of a connection to serve. Paths and codes are told in docs/rank.md.
local skynet = require "skynet"
local answer = require "rank.answer"
local info = require "rank.info"
local rank_api = require "rank.api"
local router = require "router"
local staticfile = require "staticfile"
local urls = require "http.url"
local web_server = require "web_server"

local BODY_LIMIT = 64 * 1024 -- bytes
local JSON = { ["content-type"] = "application/json" }
local TEXT = { ["content-type"] = "text/plain; charset=utf-8" }
local HTML = { ["content-type"] = "text/html; charset=utf-8" }

-- Codes of the original come with 200, as its clients expect; those that it does not have with the status that fits.
local STATUS = { BAD_REQUEST = 400, NOT_FOUND = 404, METHOD_NOT_ALLOWED = 405, TOO_LARGE = 413, SERVER_ERROR = 500 }

local function reply(given)
	return answer.json(given), STATUS[given.code], JSON
end

local function failure(code, message)
	return reply { code = code, message = message }
end

local paths = {} -- path -> method
local routes = router.new()

local function add(method, path, handler)
	paths[path] = method
	routes:match(method, path, handler)
end

local function post(path, request)
	add("POST", path, function(_, body)
		local ok, given = pcall(info.decode, body)
		if not ok then return failure("BAD_REQUEST", "the body is no JSON: " .. tostring(given)) end
		return reply(request(given))
	end)
end

local function get(path, request)
	add("GET", path, function(query) return reply(request(urls.parse_query(query))) end)
end

local function add_routes()
	local api = rank_api(skynet.localname ".rank" or error("rank_web: there is no service .rank", 0))
	for _, name in ipairs { "setconfig", "update", "delete" } do post("/" .. name, api[name]) end
	for _, name in ipairs { "query", "infos", "ranklist", "around" } do get("/" .. name, api[name]) end
	add("GET", "/", function() return "Rankings. A page that shows one: /page\n", 200, TEXT end)
	add("GET", "/ping", function() return "pong", 200, TEXT end)
	add("GET", "/page", function()
		local page = staticfile["rank.html"]
		if not page then return failure("NOT_FOUND", "the page rank.html is not in static_path") end
		return page, 200, HTML
	end)
end

local function respond(method, url, _, body)
	local path, query = urls.parse(url)
	local asked = method == "HEAD" and "GET" or method
	local handler = routes:resolve(asked, path)
	if handler then return handler(query, body) end
	local allowed = paths[path]
	if allowed then
		local text, status = failure("METHOD_NOT_ALLOWED", path .. " takes " .. allowed)
		return text, status, { ["content-type"] = JSON["content-type"], allow = allowed }
	end
	return failure("NOT_FOUND", "there is no such path")
end

local serve = web_server {
	protocol = ...,
	keepalive = true,
	body_limit = BODY_LIMIT,
	answer = respond,
	refuse = function(status)
		local code = status == 413 and "TOO_LARGE" or "BAD_REQUEST"
		local text = answer.json { code = code, message = "the request is malformed, or its head or body too large" }
		return text, JSON
	end,
	failed = function()
		return answer.json { code = "SERVER_ERROR", message = "an error in the server, told in its log" }, JSON
	end,
}

skynet.start(function()
	add_routes()
	skynet.dispatch("lua", function(_, _, fd) serve(fd) end)
end)
