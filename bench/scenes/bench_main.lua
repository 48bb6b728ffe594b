--- The message benchmark: one scene in one node, on any tree that is compatible with skynet.
---
--- The config says which (`scene`) and how large: `n`, what is counted; `w`, callers or tokens; and for some scenes
--- `services` (in a ring), `depth` (of a mailbox), `bytes` (of a message). bench/run writes such a config. A scene
--- prints one line, `BENCH name key=value ...`, and ends the node.
local skynet = require "skynet"
require "skynet.manager"

local function option(name, default)
	return tonumber(skynet.getenv(name) or default)
end

local N = option("n", 200000)
local W = option("w", 1)
local SERVICES = option("services", 256)
local DEPTH = option("depth", 1000)
local BYTES = option("bytes", 64)

local WARM_UP = 2000 -- calls
local PINGS = 300
local BUSY_NS = 6000000
local IDLE_TICKS = 500
local SETTLE_TICKS = 1500

local function seconds()
	return skynet.hpc() / 1e9
end

local function echo()
	return skynet.newservice "bench_echo"
end

local function report(name, count, begun, ended, more)
	local spent = ended - begun
	local line = "BENCH %s count=%d seconds=%.4f per_sec=%.0f %s"
	print(line:format(name, count, spent, count / spent, more or ""))
end

-- Runs f(1), ..., f(count) at the same time; returns when all of them have.
local function together(count, f)
	local waiting, left = coroutine.running(), count
	for i = 1, count do
		skynet.fork(function()
			f(i)
			left = left - 1
			if left == 0 then skynet.wakeup(waiting) end
		end)
	end
	skynet.wait(waiting)
end

-- W services that make N calls between them, each to the service that peer() gives.
local function callers(name, peer)
	local each = math.floor(N / W)
	local list = {}
	for i = 1, W do
		list[i] = echo()
		skynet.call(list[i], "lua", "bind", peer())
	end
	local begun = seconds()
	together(W, function(i) skynet.call(list[i], "lua", "calls", each) end)
	report(name .. W, each * W, begun, seconds())
end

local scene = {}

--- Requests and responses between two services, one after the other.
function scene.call()
	local peer = echo()
	for i = 1, WARM_UP do skynet.call(peer, "lua", "echo", i) end
	local begun = seconds()
	for i = 1, N do skynet.call(peer, "lua", "echo", i) end
	report("call", N, begun, seconds())
end

--- W callers, each with a peer of its own.
function scene.pairs()
	callers("pairs", echo)
end

--- W callers of one service.
function scene.fanin()
	local peer = echo()
	callers("fanin", function() return peer end)
end

--- Messages that nobody answers, in bursts of DEPTH: a call behind each burst waits until it has been handled.
function scene.send()
	local peer = echo()
	local left = N
	local begun = seconds()
	while left > 0 do
		local burst = math.min(left, DEPTH)
		for i = 1, burst do skynet.send(peer, "lua", "sink", i) end
		skynet.call(peer, "lua", "echo")
		left = left - burst
	end
	report("send", N, begun, seconds())
end

--- W tokens that travel round a ring of services.
function scene.ring()
	local ring, waiting, home = {}, coroutine.running(), 0
	for i = 1, SERVICES do ring[i] = echo() end
	for i = 1, SERVICES do skynet.call(ring[i], "lua", "next", ring[i % SERVICES + 1], skynet.self()) end
	skynet.dispatch("lua", function()
		home = home + 1
		if home == W then skynet.wakeup(waiting) end
	end)
	local hops = math.floor(N / W)
	local begun = seconds()
	for i = 1, W do skynet.send(ring[i * 37 % SERVICES + 1], "lua", "hop", hops) end
	skynet.wait(waiting)
	report("ring" .. W, hops * W, begun, seconds())
end

--- Calls that carry BYTES of text there and back.
function scene.payload()
	local peer, text = echo(), ("x"):rep(BYTES)
	for _ = 1, math.min(N, 200) do skynet.call(peer, "lua", "echo", text) end
	local begun = seconds()
	for _ = 1, N do skynet.call(peer, "lua", "echo", text) end
	local ended = seconds()
	report("payload", N, begun, ended, ("mb_per_sec=%.1f"):format(2 * N * BYTES / (ended - begun) / 1e6))
end

local function resident_kb()
	local file = io.open "/proc/self/status"
	local kb = file:read("*a"):match "VmRSS:%s+(%d+)"
	file:close()
	return tonumber(kb)
end

--- N services: how fast they start, how large they are, how fast they end.
function scene.spawn()
	local list = {}
	local before = resident_kb()
	local begun = seconds()
	for i = 1, N do list[i] = echo() end
	local ended = seconds()
	skynet.sleep(50)
	report("spawn", N, begun, ended, ("rss_kb_per_service=%.1f"):format((resident_kb() - before) / N))
	begun = seconds()
	for i = 1, N do skynet.send(list[i], "lua", "quit") end
	skynet.sleep(0)
	-- The launcher answers this after every notice of an end that came before it.
	skynet.call(".launcher", "lua", "LIST")
	report("kill", N, begun, seconds())
end

--- N timers that expire within a second: how fast they are set, how late they come.
function scene.timer()
	local waiting, left = coroutine.running(), N
	local late, worst = 0, 0
	local begun = seconds()
	for i = 1, N do
		local ticks = i % 100 + 1
		local due = skynet.now() + ticks
		skynet.timeout(ticks, function()
			local by = skynet.now() - due
			late = late + by
			worst = math.max(worst, by)
			left = left - 1
			if left == 0 then skynet.wakeup(waiting) end
		end)
	end
	local set = seconds()
	skynet.wait(waiting)
	local line = "set; mean_late_cs=%.2f worst_cs=%d total=%.3f"
	report("timer", N, begun, set, line:format(late / N, worst, seconds() - begun))
end

--- Coroutines that are started and end.
function scene.fork()
	local waiting, left = coroutine.running(), N
	local begun = seconds()
	for i = 1, N do
		skynet.fork(function()
			left = left - 1
			if left == 0 then skynet.wakeup(waiting) end
		end)
		if i % 1000 == 0 then skynet.yield() end
	end
	if left > 0 then skynet.wait(waiting) end
	report("fork", N, begun, seconds())
end

--- A nested table packed and unpacked, with no message sent.
function scene.pack()
	local player = {
		name = "player",
		level = 12,
		pos = { x = 1.5, y = 2.5, z = -3 },
		items = {},
		flags = { true, false, true },
	}
	for i = 1, 20 do player.items[i] = { id = i, count = i * 3, name = "item" .. i } end
	for _ = 1, 1000 do skynet.trash(skynet.pack(player)) end
	local begun = seconds()
	for _ = 1, N do
		local message, size = skynet.pack(player)
		skynet.unpack(message, size)
		skynet.trash(message, size)
	end
	report("pack", N, begun, seconds())
end

--- How long a call takes whose callee, and the whole node, was asleep.
function scene.wake()
	local peer = echo()
	local sum, worst = 0, 0
	for i = 1, N do
		skynet.sleep(1)
		local begun = seconds()
		skynet.call(peer, "lua", "echo", i)
		local spent = seconds() - begun
		sum = sum + spent
		worst = math.max(worst, spent)
	end
	print(("BENCH wake count=%d mean_us=%.1f worst_us=%.1f"):format(N, sum / N * 1e6, worst * 1e6))
end

--- How long a message to an idle service waits while its sender goes on working.
function scene.handoff()
	local peer = echo()
	skynet.call(peer, "lua", "echo", 1)
	local sum, worst = 0, 0
	for _ = 1, N do
		skynet.sleep(2)
		local sent = skynet.hpc()
		skynet.send(peer, "lua", "stamp")
		repeat until skynet.hpc() - sent >= BUSY_NS
		local us = (skynet.call(peer, "lua", "stamped") - sent) / 1000
		sum = sum + us
		worst = math.max(worst, us)
	end
	print(("BENCH handoff count=%d mean_us=%.1f worst_us=%.1f"):format(N, sum / N, worst))
end

--- How long calls to one service take while another one is flooded.
function scene.fair()
	local flooded, pinged, flooder = echo(), echo(), echo()
	skynet.call(flooder, "lua", "bind", flooded)
	skynet.send(flooder, "lua", "flood", N)
	local us = {}
	for i = 1, PINGS do
		local begun = skynet.hpc()
		skynet.call(pinged, "lua", "echo", i)
		us[i] = (skynet.hpc() - begun) / 1000
	end
	table.sort(us)
	local line = "BENCH fair count=%d p50_us=%.1f p99_us=%.1f worst_us=%.1f"
	print(line:format(PINGS, us[math.floor(PINGS * 0.5)], us[math.floor(PINGS * 0.99 + 0.5)], us[PINGS]))
end

--- Plain Lua work in one service, then in two at the same time.
function scene.parallel()
	local workers = { echo(), echo() }
	local function spin(i) skynet.call(workers[i], "lua", "spin", N) end
	local begun = seconds()
	spin(1)
	local one = seconds() - begun
	begun = seconds()
	together(2, spin)
	local two = seconds() - begun
	print(("BENCH parallel one=%.4f two=%.4f speedup=%.2f"):format(one, two, 2 * one / two))
end

--- One shared table of N rows, read by W services, 1000 rows each; then loaded anew.
function scene.share()
	local sharetable = require "skynet.sharetable"
	local function load_table()
		sharetable.loadstring("rows", [[
			local count, rows = ..., {}
			for i = 1, count do
				rows[i] = { id = i, name = "row " .. i, cost = i % 100, tags = { "a", "b", i } }
			end
			return rows
		]], N)
	end
	local base, begun = resident_kb(), seconds()
	load_table()
	local loaded = seconds() - begun
	skynet.sleep(SETTLE_TICKS) -- the allocator gives back what the building took
	local table_kb = resident_kb() - base
	local readers = {}
	for i = 1, W do readers[i] = echo() end
	base, begun = resident_kb(), seconds()
	together(W, function(i) skynet.call(readers[i], "lua", "share", "rows", N, 1000) end)
	local read, reader_kb = seconds() - begun, (resident_kb() - base) / W
	begun = seconds()
	load_table()
	local line = "BENCH share rows=%d load=%.2f table_mb=%.0f readers=%d read=%.3f kb_per_reader=%.1f reload=%.2f"
	print(line:format(N, loaded, table_kb / 1024, W, read, reader_kb, seconds() - begun))
end

local function cpu_seconds()
	local file = io.open "/proc/self/stat"
	local user, system = file:read("*a"):match("%) " .. ("%S+ "):rep(11) .. "(%d+) (%d+)")
	file:close()
	return (user + system) / 100
end

local function context_switches()
	local count = 0
	local lines = io.popen "cat /proc/$PPID/task/*/status"
	for line in lines:lines() do
		count = count + (line:match "ctxt_switches:%s+(%d+)" or 0)
	end
	lines:close()
	return count
end

--- What a node does that has nothing to do.
function scene.idle()
	local cpu, switches = cpu_seconds(), context_switches()
	skynet.sleep(IDLE_TICKS)
	cpu, switches = cpu_seconds() - cpu, context_switches() - switches
	local interval = IDLE_TICKS / 100
	print(("BENCH idle cpu_percent=%.2f switches_per_sec=%.0f"):format(cpu / interval * 100, switches / interval))
end

skynet.start(function()
	skynet.fork(function()
		local name = skynet.getenv "scene" or "call"
		local ok, err = xpcall(scene[name] or function() error("no scene " .. name, 0) end, debug.traceback)
		if not ok then print("BENCH ERROR " .. tostring(err)) end
		skynet.abort()
	end)
end)
