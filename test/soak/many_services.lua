-- Very many services in one node: started, called, messaged in a ring, ended; twice. Prints a line a phase, with the rate
-- in each tenth of it, and fails when a rate collapses as they grow, or when something is not given back: memory,
-- descriptors, threads, names in the launcher. Options: `services` (100000), `laps` of the ring (3).
local skynet = require "skynet"
require "skynet.manager"

local SERVICES = tonumber(skynet.getenv "services") or 100000
local LAPS = tonumber(skynet.getenv "laps") or 3
local TENTHS = 10
local COLLAPSE = 3      -- a tenth that takes so many times the median tenth has collapsed,
local NOISE = 0.5       -- unless it takes no more than that, in seconds
-- Bytes that a service may leave behind: what the allocator knows of its pages, and what grows with the largest number
-- of services that lived at once. The second round finds all that there.
local SLACK = { 4096, 512 }
local PURGED_WITHIN = 30 -- s: the allocator gives pages back some time after they were freed
local TOKENS = 64
-- What a service sums up in a loop that LuaJIT compiles. The machine code of about 16000 services has room where
-- LuaJIT can reach it; the loops of others run in the interpreter, after some milliseconds of looking for room.
local LOOP, SUM = 700, 2100
local COMPILING = 10000

local failures = 0

local function say(...) print(string.format(...)) end

local function check(good, ...)
	if good then return end
	failures = failures + 1
	say("FAIL " .. string.format(...))
end

local function status(field)
	local file = assert(io.open "/proc/self/status")
	local text = file:read "*a"
	file:close()
	return tonumber(text:match(field .. ":%s*(%d+)"))
end

local function lines_of(command)
	local pipe = assert(io.popen(command))
	local n = 0
	for _ in pipe:lines() do n = n + 1 end
	pipe:close()
	return n
end

-- The shell's parent is this process.
local function descriptors() return lines_of "ls /proc/$PPID/fd" end
-- Without the allocator's own, which come when there is something for them to do.
local function threads() return lines_of "cat /proc/$PPID/task/*/comm | grep -v jemalloc" end
local function mappings() return lines_of "cat /proc/$PPID/maps" end

-- Runs step(i) for 1 to n, SERVICES when left out, and prints how fast that went.
local function phase(name, step, n)
	n = n or SERVICES
	local times = {}
	local began = skynet.hpc()
	for tenth = 1, TENTHS do
		local from = skynet.hpc()
		for i = math.floor((tenth - 1) * n / TENTHS) + 1, math.floor(tenth * n / TENTHS) do step(i) end
		times[tenth] = (skynet.hpc() - from) / 1e9
	end
	local total = (skynet.hpc() - began) / 1e9
	local rates, sorted = {}, {}
	for tenth, time in ipairs(times) do
		rates[tenth] = string.format("%.1f", n / TENTHS / time / 1000)
		sorted[tenth] = time
	end
	table.sort(sorted)
	say("%-8s %7.2f s  %8.0f/s   k/s by tenths: %s", name, total, n / total, table.concat(rates, " "))
	check(sorted[TENTHS] <= math.max(NOISE, COLLAPSE * sorted[TENTHS / 2]), "%s: its slowest tenth took %.2f s, the median one %.2f s", name,
		sorted[TENTHS], sorted[TENTHS / 2])
end

local arrived = 0
local ring_waiter

local function ring(cells)
	for i, cell in ipairs(cells) do skynet.send(cell, "lua", "follow", cells[i % #cells + 1]) end
	local hops = LAPS * SERVICES
	for _, tokens in ipairs { 1, TOKENS } do
		arrived = 0
		local began = skynet.hpc()
		local each = math.floor(hops / tokens)
		for i = 1, tokens do
			skynet.send(cells[math.floor((i - 1) * SERVICES / tokens) + 1], "lua", "token", each, skynet.self())
		end
		ring_waiter = coroutine.running()
		while arrived < tokens do skynet.wait(ring_waiter) end
		local total = (skynet.hpc() - began) / 1e9
		say("%-8s %7.2f s  %8.0f/s   %d hops of %d tokens", "ring", total, each * tokens / total, each * tokens, tokens)
	end
end

local function wait_for_no_more_than(services)
	for _ = 1, 6000 do
		local n = 0
		for _ in pairs(skynet.call(".launcher", "lua", "LIST")) do n = n + 1 end
		if n <= services then return n end
		skynet.sleep(1)
	end
end

local highest = 0

local function round(before)
	local cells = {}
	phase("start", function(i)
		local handle = skynet.newservice "soak_cell"
		check(handle > highest, "handle %08x came after %08x", handle, highest)
		highest = handle
		cells[i] = handle
	end)
	local rss = status "VmRSS"
	say("         %.1f KB of resident memory for each; %d mappings", (rss - before.rss) / SERVICES, mappings())
	phase("call", function(i) assert(skynet.call(cells[i], "lua", 1) == 1) end)
	phase("work", function(i) assert(skynet.call(cells[i], "lua", LOOP) == SUM) end,
		math.min(SERVICES, COMPILING))
	say("         %.1f KB of resident memory for each; %d mappings", (status "VmRSS" - before.rss) / SERVICES, mappings())
	ring(cells)
	-- One half ends by itself, the other one is ended.
	phase("end", function(i)
		if i % 2 == 0 then skynet.kill(cells[i]) else skynet.send(cells[i], "lua", "quit") end
	end)
	local began = skynet.hpc()
	local left = wait_for_no_more_than(before.services)
	check(left, "services are left in the launcher's list")
	say("         the last one has gone after another %.2f s", (skynet.hpc() - began) / 1e9)
	for _, i in ipairs { 1, 2, SERVICES - 1, SERVICES } do
		check(not pcall(skynet.call, cells[i], "lua", 1), "a dead service has answered")
	end
end

-- What the process holds, once no more than `limit` KB are resident or the time for that has passed.
local function settle(limit)
	collectgarbage()
	collectgarbage()
	local left = PURGED_WITHIN
	while status "VmRSS" > limit and left > 0 do
		skynet.sleep(100)
		left = left - 1
	end
	return { rss = status "VmRSS", threads = threads(), descriptors = descriptors() }
end

skynet.start(function()
	skynet.dispatch("lua", function()
		arrived = arrived + 1
		skynet.wakeup(ring_waiter)
	end)
	skynet.fork(function()
		local ok, err = xpcall(function()
			skynet.kill(skynet.newservice "soak_cell") -- what is loaded once is loaded now
			local first = settle(math.huge)
			first.services = 0
			for _ in pairs(skynet.call(".launcher", "lua", "LIST")) do first.services = first.services + 1 end
			say("%s, %d services, %d workers", skynet.engine(), SERVICES, tonumber(skynet.getenv "thread"))
			local before = first
			for _, slack in ipairs(SLACK) do
				before.services = first.services
				round(before)
				local limit = before.rss + slack * SERVICES / 1024
				local after = settle(limit)
				say("         resident: %.0f MB before, %.0f MB after; descriptors: %d, %d; threads: %d, %d", before.rss / 1024,
					after.rss / 1024, before.descriptors, after.descriptors, before.threads, after.threads)
				check(after.rss <= limit, "memory has not come back")
				check(after.descriptors <= before.descriptors, "descriptors have not come back")
				check(after.threads <= before.threads, "threads are left")
				before = after
			end
		end, debug.traceback)
		check(ok, "%s", err)
		say("%d failed", failures)
		skynet.sleep(1)
		os.exit(failures == 0 and 0 or 1)
	end)
end)
