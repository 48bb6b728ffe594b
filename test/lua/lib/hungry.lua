-- Runs out of memory in the way that it is asked to, and tells whether it still works. Helper of memory_limit_test.
local skynet = require "skynet"
local skynet_coroutine = require "skynet.coroutine"

local limit = ...
skynet.memlimit(tonumber(limit))

local function tables()
	local kept = {}
	for i = 1, 1e7 do kept[i] = {} end
end

local function strings()
	local kept = {}
	for i = 1, 1e7 do kept[i] = "s" .. i end
end

local function closures()
	local kept = {}
	for i = 1, 1e7 do kept[i] = function() return kept, i end end
end

local function one_large_string()
	local s = "x"
	while true do s = s .. s end
end

local function deep(n)
	return n == 0 and 0 or 1 + deep(n - 1) + #("x"):rep(n % 100)
end

local ways = {
	tables = tables,
	strings = strings,
	closures = closures,
	["one large string"] = one_large_string,
	["a fork"] = function() skynet.fork(tables) end,
	["a timer"] = function() skynet.timeout(0, tables) end,
	["a coroutine"] = function() coroutine.wrap(tables)() end,
	["a coroutine of skynet.coroutine"] = function() skynet_coroutine.wrap(strings)() end,
	["many coroutines"] = function()
		local kept = {}
		for i = 1, 1e7 do kept[i] = coroutine.create(tables) end
	end,
	["deep recursion"] = function() deep(1e7) end,
	["JSON"] = function() require "cjson".decode("[" .. ("[1,2,3],"):rep(100000) .. "1]") end,
	["packing"] = function()
		local all = {}
		for i = 1, 1e6 do all[i] = skynet.packstring(("x"):rep(100), i) end
	end,
	["an error while it is full"] = function()
		local kept = {}
		pcall(function() for i = 1, 1e7 do kept[i] = { i } end end)
		error(setmetatable({}, { __tostring = function() return ("x"):rep(1e6) .. #kept end }))
	end,
	["a reply that does not fit"] = function(giver) skynet.call(giver, "lua", "give") end,
	["a sleep in between"] = function()
		local kept = {}
		for i = 1, 1e7 do
			kept[i] = {}
			if i % 20000 == 0 then skynet.sleep(0) end
		end
	end,
}

local commands = {}

function commands.run(way, ...)
	ways[way](...)
	return "done"
end

-- Catches the error, and goes on.
function commands.caught()
	local ok, err = pcall(tables)
	return ok, tostring(err):find "not enough memory" ~= nil, #table.concat({ "still", "works" }, " ")
end

-- Timers whose time comes while there is no memory, each of which blocks. How many have begun then, and in the end.
function commands.timers(count)
	local begun, kept = 0, {}
	for _ = 1, count do
		skynet.timeout(10, function()
			begun = begun + 1
			skynet.wait()
		end)
	end
	-- With #kept for i, LuaJIT (2.1, March 2022) makes a loop of this that stores the same string for ever.
	for size = 5, 3, -1 do
		pcall(function()
			for i = #kept + 1, 1e7 do kept[i] = ("x"):rep(10 ^ size) .. i end
		end)
	end
	skynet.sleep(40)
	local while_full = begun
	kept = nil
	collectgarbage()
	for _ = 1, 600 do
		if begun == count then break end
		skynet.sleep(1)
	end
	return while_full, begun
end

function commands.used()
	return collectgarbage "count"
end

function commands.echo(...)
	return ...
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, command, ...) skynet.retpack(commands[command](...)) end)
end)
