-- Makes the versions of shared data for lualib/skynet/sharedata.lua, and tells the services that hold one of a new
-- one. The data itself is the process's, not this service's.
local skynet = require "skynet"
local core = require "skynet.sharedata.core"
local codecache = require "skynet.codecache"

-- A file is read anew each time: its name is that of the version before.
codecache.mode "OFF"

-- The table that a source makes: its result, or else its globals.
local function run(source, ...)
	local globals = setmetatable({}, { __index = _G })
	local path = source:match "^@(.*)$"
	local f, reason
	if path then
		f, reason = loadfile(path, "bt", globals)
	else
		f, reason = load(source, "=sharedata", "t", globals)
	end
	local result = assert(f, reason)(...)
	if type(result) == "table" then return result end
	return setmetatable(globals, nil)
end

local function table_of(value, ...)
	if value == nil then return {} end
	if type(value) == "string" then return run(value, ...) end
	if type(value) == "table" then return value end
	error("sharedata: a table or source text is wanted, not a " .. type(value))
end

local command = {}

function command.new(name, value, ...)
	if not core.add(name, table_of(value, ...)) then error("sharedata: the name " .. name .. " exists already") end
end

function command.update(name, value, ...)
	core.replace(name, table_of(value, ...))
	for _, handle in ipairs(core.holders(name)) do skynet.send(handle, "debug", "SHAREDATA", name) end
end

function command.delete(name)
	if not core.remove(name) then error("sharedata: no data has the name " .. name) end
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, ...)
		local f = command[cmd]
		if not f then error("sharedatad: unknown command " .. tostring(cmd)) end
		f(...)
		skynet.ret()
	end)
end)
