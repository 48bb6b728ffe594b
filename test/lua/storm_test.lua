-- config: thread = 16
-- config: luajit = "storm_twin"
-- timeout: 150
-- Many services that call, send, wait, spawn and kill at random, on more workers than there are cores. Nothing may get
-- lost, come twice or out of order, and nobody may hang. Getenv "storm_seconds" says for how long, 3 when unset.
local skynet = require "skynet"
require "skynet.manager"
local T = require "harness"

local SECONDS = tonumber(skynet.getenv "storm_seconds") or 3
local WORKERS = 24
-- How long a worker may take to end what it has begun.
local PATIENCE = 2000

local workers = {}    -- addresses of those that live
local items = {}      -- by worker: the number of its last item
local complaints = {} -- what went wrong
local command = {}

local function complain(...) complaints[#complaints + 1] = string.format(...) end

-- Items of one worker are numbered from 1. They must come in order and without a gap.
function command.item(source, number)
	local expected = (items[source] or 0) + 1
	if number ~= expected then complain(":%08x sent item %d where %d was expected", source, number, expected) end
	items[source] = number
end

function command.complaint(source, text) complain(":%08x: %s", source, text) end

local seed = 0
local function spawn()
	seed = seed + 1
	-- Half of them on LuaJIT, whatever the engine of the others.
	local worker = skynet.newservice(seed % 2 == 0 and "storm_worker" or "storm_twin", skynet.self(), seed)
	workers[#workers + 1] = worker
	return worker
end

local function tell_peers()
	for _, worker in ipairs(workers) do skynet.send(worker, "lua", "peers", workers) end
end

-- Replaces a worker, in the middle of whatever it does.
local function replace_one()
	local victim = table.remove(workers, math.random(#workers))
	skynet.kill(victim)
	spawn()
	tell_peers()
end

-- What the worker says of itself at its end; false when it does not answer in time.
local function finish(worker)
	local answer = false
	local waiter = coroutine.running()
	skynet.fork(function()
		answer = skynet.call(worker, "lua", "stop")
		skynet.wakeup(waiter)
	end)
	skynet.sleep(PATIENCE)
	return answer
end

T.test("a storm loses nothing and hangs nobody", function()
	skynet.dispatch("lua", function(_, source, name, ...) command[name](source, ...) end)
	for _ = 1, WORKERS do spawn() end
	tell_peers()
	local deadline = skynet.now() + SECONDS * 100
	while skynet.now() < deadline do
		skynet.sleep(math.random(0, 10))
		replace_one()
	end

	local calls, sent = 0, 0
	local left = #workers
	local main = coroutine.running()
	for _, worker in ipairs(workers) do
		skynet.fork(function()
			local report = finish(worker)
			if not report then
				complain(":%08x hangs: %s", worker, T.show(skynet.call(worker, "debug", "TASK")))
			else
				calls, sent = calls + report.calls, sent + report.sent
				if report.sent ~= (items[worker] or 0) then
					complain(":%08x sent %d items, %d came", worker, report.sent, items[worker] or 0)
				end
				if report.fired ~= report.set then complain(":%08x set %d timers, %d fired", worker, report.set, report.fired) end
			end
			left = left - 1
			if left == 0 then skynet.wakeup(main) end
		end)
	end
	skynet.wait()
	T.eq(complaints, {})
	T.ok(calls > 0 and sent > 0, "work done")
	skynet.error(string.format("storm: %d s, %d services, %d calls and %d items by the last %d", SECONDS, seed, calls, sent,
		WORKERS))
end)

T.run((SECONDS + 60) * 100)
