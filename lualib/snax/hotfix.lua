--- Replaces methods of a running snax service by others from a source text.
local interface = require "snax.interface"

local CHUNK = "=(hotfix)"

-- Calls visit(f, i, name, value) for the upvalues of `f`.
local function each_upvalue(f, visit)
	local i = 1
	while true do
		local name, value = debug.getupvalue(f, i)
		if name == nil then return end
		if name ~= "" and name ~= "_ENV" then visit(f, i, name, value) end
		i = i + 1
	end
end

-- The variables that the methods share: name -> { function, index }. Those of the methods themselves come before
-- those of functions that the methods use.
local function running_upvalues(methods)
	local found, seen, todo = {}, {}, {}
	for _, method in ipairs(methods) do todo[#todo + 1] = method[4] end
	local i = 1
	while todo[i] do
		local f = todo[i]
		i = i + 1
		if not seen[f] then
			seen[f] = true
			each_upvalue(f, function(_, index, name, value)
				found[name] = found[name] or { f, index }
				if type(value) == "function" then todo[#todo + 1] = value end
			end)
		end
	end
	return found
end

-- Lets the variables of a new function be those of the same name in the running ones. Functions that the source
-- itself makes stay, and get the same treatment.
local function join(f, running, seen)
	if seen[f] then return end
	seen[f] = true
	each_upvalue(f, function(_, i, name, value)
		if type(value) == "function" and debug.getinfo(value, "S").source == CHUNK then
			join(value, running, seen)
		elseif running[name] then
			debug.upvaluejoin(f, i, running[name][1], running[name][2])
		end
	end)
end

local function find(methods, group, name)
	for _, method in ipairs(methods) do
		if method[2] == group and method[3] == name then return method end
	end
	return nil
end

--- Applies `source`, then runs its function `hotfix(...)` if it has one. Raises, and changes no method, when the
--- source does not compile or names a method that the service lacks.
---@async
---@param methods snax.method[]  of the running service; their functions are replaced
---@param source string
---@param ... any
---@return any ...  what the source's hotfix function returns
local function hotfix(methods, source, ...)
	local chunk, err = load(source, CHUNK, "t", _G)
	if not chunk then error(err, 0) end
	local patch, after = {}, nil
	interface.capture(_G, chunk, function(group, name, f)
		local method = find(methods, group, name)
		if not method then error("Patch mismatch " .. group .. "." .. name, 0) end
		patch[#patch + 1] = { method, f }
		if group == "system" and name == "hotfix" then after = f end
	end)
	local running, seen = running_upvalues(methods), {}
	for _, change in ipairs(patch) do join(change[2], running, seen) end
	for _, change in ipairs(patch) do change[1][4] = change[2] end
	if after then return after(...) end
end

return hotfix
