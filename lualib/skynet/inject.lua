--- Runs code that somebody sends to a running service (debug command RUN, console command `inject`).
local skynet = require "skynet"
local core = require "skynet.core"
local scheduler = require "skynet.scheduler"

-- Fills `into` with the tables among the upvalues of `f`, by name, and of the functions among them, and so on.
-- Of two upvalues of one name the outer one is kept. With `all`, functions and other values are collected, too.
local function collect_upvalues(f, into, all, seen)
	if seen[f] then return into end
	seen[f] = true
	local inner = {}
	local i = 1
	while true do
		local name, value = debug.getupvalue(f, i)
		if name == nil then break end
		if type(value) == "function" then inner[#inner + 1] = value end
		if name ~= "" and into[name] == nil and (all or type(value) == "table") then into[name] = value end
		i = i + 1
	end
	for _, value in ipairs(inner) do collect_upvalues(value, into, all, seen) end
	return into
end

-- What the chunk sees: `_U`, what the dispatcher works on (it is native; one that somebody has put in its place shows its
-- upvalues, too); `_P`, protocol name -> table-valued upvalues of its dispatch function; `print`, whose lines go to
-- `output`; else the service's globals.
local function chunk_globals(output)
	local known = scheduler.expose_protocols()
	local upvalues = { skynet = skynet, c = core, proto = known }
	collect_upvalues(skynet.dispatch_message, upvalues, true, {})
	local protocols = {}
	for name, proto in pairs(known) do
		if type(name) == "string" and proto.dispatch then
			protocols[name] = collect_upvalues(proto.dispatch, {}, false, {})
		end
	end
	local function print(...)
		local words = {}
		for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
		output[#output + 1] = table.concat(words, "\t")
	end
	return setmetatable({ _U = upvalues, _P = protocols, print = print }, { __index = _G })
end

--- Runs `source`.
---@async
---@param source string
---@param filename? string  its name in messages
---@param ... any  arguments of the chunk
---@return boolean ok
---@return string output  what it printed, the error last
local function inject(source, filename, ...)
	local output = {}
	local name = filename and "@" .. filename or "=(inject)"
	local chunk, err = load(source, name, nil, chunk_globals(output))
	local ok = chunk ~= nil
	if chunk then ok, err = xpcall(chunk, debug.traceback, ...) end
	if not ok then output[#output + 1] = tostring(err) end
	return ok, table.concat(output, "\n")
end

return inject
