-- A helper service of remotedebug_test: its line numbers matter there.
local skynet = require "skynet"
local coroutines = require "skynet.coroutine"

local kept = "kept"
local command = {}

function command.block(peer, x)
	local a = skynet.call(peer, "lua", "echo", x)
	skynet.sleep(1)
	local b = a .. kept
	return b
end

local function generate(x)
	skynet.sleep(1)
	return coroutines.yield(x + 1) * 2
end

function command.inner()
	local next_value = coroutines.wrap(generate)
	local a = next_value(1)
	local b = next_value(a)
	return a, b
end

function command.fail(x)
	local text = "told " .. x
	error(text)
end

local function less(a, b)
	return a < b
end

function command.sort()
	local list = { 3, 1, 2 }
	table.sort(list, less)
	return list[1]
end

local function twice(x)
	return x * 2
end

function command.lines(n)
	local sum = twice(n) + twice(n)
	for i = 1, 2 do
		sum = sum + i
	end
	skynet.sleep(1) sum = sum + 1
	return sum
end

function command.context()
	local session, source = skynet.context()
	skynet.retpack(source, session > 0)
end

function command.respond()
	local response = skynet.response()
	skynet.timeout(1, function() response(true, "later") end)
end

function command.echo(...)
	return ...
end

function command.kept()
	return kept
end

local function depth_of(n)
	if n == 0 then return 0 end
	return depth_of(n - 1) + 1
end

function command.deep(n)
	local depth = depth_of(n)
	return depth
end

command.exit = skynet.exit

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		local f = command[name]
		if name == "context" or name == "respond" then return f() end
		skynet.retpack(f(...))
	end)
end)
