-- Sends to one other node, by harbor or by cluster, until its node stops: soak_sender KIND PEER NODE. Numbered messages, calls
-- of all sizes from many tasks at once, and after each round the question how many have arrived.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local harbor = require "skynet.harbor"

local kind, peer, node = ...
node = tonumber(node)

local SENDS = 100
local CALLERS = 8
local SIZES = { 0, 10, 1000, 30000, 70000, 300000 } -- on both sides of what cluster sends in parts

local sender = ("%s %s to %s"):format(kind, skynet.getenv "harbor", peer)

local function connect()
	if kind == "cluster" then
		return function(...) return cluster.call("node" .. peer, "@soak", ...) end,
			function(...) cluster.send("node" .. peer, "@soak", ...) end
	end
	local there = harbor.queryname("soak" .. peer)
	return function(...) return skynet.call(there, "lua", ...) end, function(...) skynet.send(there, "lua", ...) end
end

-- An answer must be the one to its own question.
local function ask(call, round, caller)
	local size = SIZES[(round + caller) % #SIZES + 1]
	local body = string.char(caller + 64):rep(size)
	local number, back = call("echo", round * CALLERS + caller, body)
	assert(number == round * CALLERS + caller, "the answer to another call")
	assert(back == body, "another body came back")
end

local function run()
	local call, send = connect()
	local number, round = 0, 0
	while not skynet.call(node, "lua", "stopping") do
		round = round + 1
		local left = CALLERS
		local waiter = coroutine.running()
		for caller = 1, CALLERS do
			skynet.fork(function()
				local ok, err = pcall(ask, call, round, caller)
				if not ok then skynet.send(node, "lua", "fail", sender .. ": " .. tostring(err)) end
				left = left - 1
				if left == 0 then skynet.wakeup(waiter) end
			end)
		end
		for _ = 1, SENDS do
			number = number + 1
			send("numbered", sender, number)
		end
		if left > 0 then skynet.wait(waiter) end
		local arrived = call("count", sender)
		if arrived ~= number then error(("%d sent, %s arrived"):format(number, tostring(arrived))) end
	end
	return number + round * CALLERS
end

skynet.start(function()
	skynet.fork(function()
		local ok, result = xpcall(run, debug.traceback)
		if not ok then skynet.send(node, "lua", "fail", sender .. ": " .. tostring(result)) end
		skynet.send(node, "lua", "finished", kind, ok and result or 0)
		skynet.exit()
	end)
end)
