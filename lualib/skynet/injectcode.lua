--- Evaluates code as if it stood in a function of a suspended coroutine.
local getfenv = rawget(_G, "getfenv") -- as in skynet.engine

-- The variables of a function at `level` of `co`: its upvalues, then its locals in order, so that of two variables
-- of one name the innermost wins: name -> { get, set }. And its globals.
local function variables(co, level, locals)
	local found = {}
	local info = debug.getinfo(co, level, "f")
	if not info then return found, _G end
	local i = 1
	while true do
		local index, name = i, debug.getupvalue(info.func, i)
		if name == nil then break end
		if name ~= "" then
			found[name] = {
				get = function() return (select(2, debug.getupvalue(info.func, index))) end,
				set = function(value) debug.setupvalue(info.func, index, value) end,
			}
		end
		i = i + 1
	end
	i = 1
	while true do
		local index, name = i, locals and locals[i]
		if not locals then name = debug.getlocal(co, level, i) end
		if name == nil then break end
		if name:byte() ~= 40 then -- "(": a slot without a name
			found[name] = {
				get = function() return (select(2, debug.getlocal(co, level, index))) end,
				set = function(value) debug.setlocal(co, level, index, value) end,
			}
		end
		i = i + 1
	end
	local globals
	if found._ENV then
		globals = found._ENV.get()
	elseif getfenv then ---@diagnostic disable-line: deprecated
		globals = getfenv(info.func) ---@diagnostic disable-line: deprecated
	end
	return found, type(globals) == "table" and globals or _G
end

--- Evaluates `source`, first as an expression, then as statements.
---@param source string
---@param co? thread      a suspended coroutine; without it the code sees globals only
---@param level? integer  which function of `co` (0 is the innermost): the code sees and sets its locals and upvalues
---@param funcs? table<string, any>  further names that the code sees
---@param locals? string[]  the names of its locals in order, for who knows them better than `co` tells
---@return boolean ok
---@return any ...  the results, or the error
local function injectcode(source, co, level, funcs, locals)
	local found, globals = {}, _G
	if co then found, globals = variables(co, level or 0, locals) end
	local scope = setmetatable({}, {
		__index = function(_, name)
			if found[name] then return found[name].get() end
			if name == "_CO" and co then return co end
			if funcs and funcs[name] ~= nil then return funcs[name] end
			return globals[name]
		end,
		__newindex = function(_, name, value)
			if found[name] then
				found[name].set(value)
			else
				globals[name] = value
			end
		end,
	})
	local chunk, err = load("return " .. source, "=(debug)", "t", scope)
	if not chunk then chunk, err = load(source, "=(debug)", "t", scope) end
	if not chunk then return false, err end
	return pcall(chunk)
end

return injectcode
