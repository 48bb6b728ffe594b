--- Reads the file of a snax service: which methods it has, in which order.
local skynet = require "skynet"

local M = {}

---@class snax.method
---@field [1] integer   id
---@field [2] "system"|"accept"|"response"
---@field [3] string    name
---@field [4]? function nil: a system method that the file does not define

local SYSTEM = { "init", "exit", "hotfix", "profile" }

-- What a file may define itself; profile is the framework's.
local DEFINABLE = { init = true, exit = true, hotfix = true }

--- Runs `chunk`, whose globals are `globals`, and gives every method that it defines to `define(group, name, f)`.
---@param globals table
---@param chunk function
---@param define fun(group: "system"|"accept"|"response", name: string, f: function)
function M.capture(globals, chunk, define)
	local function group(kind)
		local defined = {}
		return setmetatable({}, {
			__index = defined,
			__newindex = function(_, name, f)
				local full = kind .. "." .. tostring(name)
				if type(f) ~= "function" then error(full .. " must be function", 2) end
				if defined[name] then error("duplicate definition of " .. full, 2) end
				defined[name] = f
				define(kind, name, f)
			end,
		})
	end
	local meta = getmetatable(globals)
	local accept, response = rawget(globals, "accept"), rawget(globals, "response")
	rawset(globals, "accept", group "accept")
	rawset(globals, "response", group "response")
	setmetatable(globals, {
		__index = meta and meta.__index,
		__newindex = function(t, name, value)
			if DEFINABLE[name] and type(value) == "function" then
				define("system", name, value)
			else
				rawset(t, name, value)
			end
		end,
	})
	local ok, err = pcall(chunk)
	setmetatable(globals, meta)
	rawset(globals, "accept", accept)
	rawset(globals, "response", response)
	if not ok then error(err, 0) end
end

-- The file behind `name` on the search path; returns its chunk and the pattern that had it. The first file that is found
-- counts: when it does not compile, that is the error.
local function search(path, name, globals)
	local tried = {}
	for pattern in path:gmatch "[^;]+" do
		local file, nothing = package.searchpath(name, pattern, "")
		if file then
			local chunk, err = loadfile(file, "bt", globals)
			if not chunk then error(err, 0) end
			return chunk, pattern
		end
		tried[#tried + 1] = nothing:gsub("^%s+", "")
	end
	error("no snax service " .. name .. ":\n\t" .. table.concat(tried, "\n\t"), 0)
end

--- The file of the service `name`, not run yet. Raises when there is none.
---@param name string
---@param globals table  the file's globals
---@return function chunk
---@return string pattern  the one of the search path that had it
function M.find(name, globals)
	local path = skynet.getenv "snax"
	if not path then error("the option `snax`, the search path of snax services, is not set", 0) end
	local loader = skynet.getenv "snax_loader"
	if loader then return dofile(loader)(path, name, globals) end
	return search(path, name, globals)
end

--- Runs the file of a service. Raises when it is no snax service.
---@param chunk function
---@param globals table  the file's globals
---@return snax.method[] methods  the index is the id: system methods, then the others in order of definition
function M.methods(chunk, globals)
	local methods = {}
	for id, name in ipairs(SYSTEM) do methods[id] = { id, "system", name } end
	M.capture(globals, chunk, function(group, name, f)
		if group == "system" then
			for id, system in ipairs(SYSTEM) do
				if system == name then methods[id][4] = f end
			end
		else
			local id = #methods + 1
			methods[id] = { id, group, name, f }
		end
	end)
	return methods
end

return M
