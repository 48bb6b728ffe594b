--- Finds the function for an HTTP method and path. A pattern is a path whose segments may be captures:
--- `:name` takes one segment, `*name` the whole rest and ends the pattern.
---
---     local r = router.new()
---     r:get("/hello/:name", function(params) return "hello, " .. params.name end)
---     r:execute("GET", "/hello/bob")   --> true, "hello, bob"
---
--- A "." in a *pattern* separates segments as "/" does; in a path only "/" does. Empty segments do not count.
local tables = require "util.table"

---@class router.node
---@field fixed table<string, router.node>
---@field captures { name: string, node: router.node }[]  in the order they were added
---@field rest? string  name of the wildcard that ends here
---@field rest_handler? function
---@field handler? function

---@class router
---@field private roots table<string, router.node>  by method
local router = { _VERSION = "router.lua v2.1.0" }
router.__index = router

local METHODS = { "get", "post", "put", "patch", "delete", "trace", "connect", "options", "head" }

local function new_node()
	return { fixed = {}, captures = {} }
end

local function capture_node(node, name)
	for _, capture in ipairs(node.captures) do
		if capture.name == name then return capture.node end
	end
	local child = new_node()
	node.captures[#node.captures + 1] = { name = name, node = child }
	return child
end

local function add(root, pattern, handler)
	local node = root
	for segment in pattern:gmatch "[^/.]+" do
		local kind, name = segment:match "^([:*])(.*)$"
		if kind == "*" then
			node.rest, node.rest_handler = name, handler
			return
		elseif kind == ":" then
			node = capture_node(node, name)
		else
			node.fixed[segment] = node.fixed[segment] or new_node()
			node = node.fixed[segment]
		end
	end
	node.handler = handler
end

-- Writes the captured values into `params` on the way back, so that a branch without a handler leaves no trace.
local function find(node, path, at, params)
	local first, last = path:find("[^/]+", at)
	if not first then return node.handler end
	if node.rest then
		params[node.rest] = path:sub(first)
		return node.rest_handler
	end
	local segment = path:sub(first, last)
	local child = node.fixed[segment]
	local handler = child and find(child, path, last + 1, params)
	if handler then return handler end
	for _, capture in ipairs(node.captures) do
		handler = find(capture.node, path, last + 1, params)
		if handler then
			params[capture.name] = segment
			return handler
		end
	end
end

--- A router without routes.
---@return router
function router.new()
	return setmetatable({ roots = {} }, router)
end

--- Adds routes. The last one for the same method and pattern counts.
---@overload fun(self: router, routes: table<string, table<string, function>>)  method -> pattern -> f
---@param method string|string[]  in upper case
---@param pattern string
---@param f fun(params: table): ...
function router:match(method, pattern, f)
	if type(method) == "table" and pattern == nil then
		for name, routes in pairs(method) do
			for path, handler in pairs(routes) do
				self:match(name, path, handler)
			end
		end
		return
	end
	if type(method) == "table" then
		for _, name in ipairs(method) do
			self:match(name, pattern, f)
		end
		return
	end
	self.roots[method] = self.roots[method] or new_node()
	add(self.roots[method], pattern, f)
end

for _, method in ipairs(METHODS) do
	router[method] = function(self, pattern, f)
		self:match(method:upper(), pattern, f)
	end
end

--- Adds one route for every method.
---@param pattern string
---@param f fun(params: table, method: string): ...  method in lower case
function router:any(pattern, f)
	for _, method in ipairs(METHODS) do
		self:match(method:upper(), pattern, function(params) return f(params, method) end)
	end
end

--- Looks a path up.
---@param method string  in upper case
---@param path string  decoded, without its query
---@param ... table  more parameters, copied: the first one of a name counts, captures count over all
---@return function|false|nil f  false: no such route; nil: no route of this method at all
---@return table|string params  with nil: a message
function router:resolve(method, path, ...)
	local root = self.roots[method]
	if not root then return nil, "Unknown method: " .. tostring(method) end
	local params = {}
	local handler = find(root, path, 1, params)
	if not handler then return false end
	for i = 1, select("#", ...) do
		for k, v in pairs((select(i, ...)) or {}) do
			if params[k] == nil then params[k] = tables.deepcopy(v) end
		end
	end
	return handler, params
end

--- Calls the function of a path. Its errors pass through.
---@param method string  in upper case
---@param path string
---@param ... table  more parameters, as for `resolve`
---@return true|nil found
---@return any ...  what the function returned, or a message
function router:execute(method, path, ...)
	local handler, params = self:resolve(method, path, ...)
	if not handler then
		return nil, string.format("Could not resolve %s %s - %s", tostring(method), tostring(path), tostring(params))
	end
	return true, handler(params)
end

return router
