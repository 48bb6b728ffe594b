-- One of the three nodes of `nodes`: starts the senders and the subscribers, counts what comes from the other nodes, and
-- watches its own memory and descriptors. Options: `seconds` of traffic, `result`, the file for the verdict.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local harbor = require "skynet.harbor"
local multicast = require "skynet.multicast"
require "skynet.manager"

local NODES = 3
local SUBSCRIBERS = 20
local SAMPLES = 60
local ARRIVAL_TICKS = 3000 -- what has been published may take so long to arrive
-- What the last third of the time may need more than the second one. The first one fills caches.
local SLACK_RSS, SLACK_SHARE = 8 * 1024, 0.05
local SLACK_DESCRIPTORS = 2

local id = tonumber(skynet.getenv "harbor")
local seconds = tonumber(skynet.getenv "seconds")
local failures = 0
local lines = {}
local stopping = false

local function say(...) lines[#lines + 1] = string.format(...) end

local function fail(...)
	failures = failures + 1
	if failures <= 20 then say("FAIL node %d: %s", id, string.format(...)) end
end

local counts = {}     -- by sender: the number that came last
local subscribers = {}
local running = 0     -- senders that have not finished
local totals = {}     -- by kind: what the senders of this node have sent
local news

local command = {}

-- Messages of one sender come in order, so what is lost or doubled shows at once.
function command.numbered(sender, number)
	local last = counts[sender] or 0
	if number ~= last + 1 then fail("%s: %d came after %d", sender, number, last) end
	counts[sender] = number
end

function command.count(sender) return counts[sender] or 0 end
function command.echo(...) return ... end
function command.channel() return news.channel end
function command.fail(text) fail("%s", text) end
function command.stopping() return stopping end

-- What the subscribers have heard of a node's channel, the least and the most.
function command.heard(from)
	local least, most = math.huge, 0
	for _, subscriber in ipairs(subscribers) do
		local n = skynet.call(subscriber, "lua", "heard", from)
		least, most = math.min(least, n), math.max(most, n)
	end
	return least, most
end

function command.finished(kind, number)
	totals[kind] = (totals[kind] or 0) + number
	running = running - 1
end

local function rss()
	local file = assert(io.open "/proc/self/status")
	local text = file:read "*a"
	file:close()
	return tonumber(text:match "VmRSS:%s*(%d+)")
end

-- The shell's parent is this process.
local function descriptors()
	local pipe = assert(io.popen "ls /proc/$PPID/fd | wc -l")
	local n = tonumber(pipe:read "*l")
	pipe:close()
	return n
end

local function median(values, from, to)
	local part = {}
	for i = from, to do part[#part + 1] = values[i] end
	table.sort(part)
	return part[math.ceil(#part / 2)]
end

local function watch(ends)
	local memory, open = {}, {}
	for i = 1, SAMPLES do
		skynet.sleep(math.max(0, ends - skynet.now() - (SAMPLES - i) * seconds * 100 / SAMPLES))
		memory[i], open[i] = rss(), descriptors()
	end
	local third = SAMPLES / 3
	local before, after = median(memory, third + 1, 2 * third), median(memory, 2 * third + 1, SAMPLES)
	local fds_before, fds_after = median(open, third + 1, 2 * third), median(open, 2 * third + 1, SAMPLES)
	say("node %d, %s: resident KB: first %d, second third %d, last third %d; descriptors %d, %d", id, skynet.engine(), memory[1], before,
		after, fds_before, fds_after)
	if after > before * (1 + SLACK_SHARE) + SLACK_RSS then fail("memory grows: %d KB, then %d KB", before, after) end
	if fds_after > fds_before + SLACK_DESCRIPTORS then fail("descriptors grow: %d, then %d", fds_before, fds_after) end
end

local function publish(peers)
	local number = 0
	while not stopping do
		for _ = 1, 50 do
			number = number + 1
			news:publish(number, ("m"):rep(number % 500))
		end
		for _, peer in ipairs(peers) do
			local deadline = skynet.now() + ARRIVAL_TICKS
			local least, most
			repeat
				least, most = skynet.call(peer, "lua", "heard", id)
			until least == number or skynet.now() > deadline
			if least ~= number or most ~= number then
				fail("published %d, %s has heard %d to %d", number, skynet.address(peer), least, most)
			end
		end
	end
	totals.publish = number
	running = running - 1
end

local function run()
	for i = 1, SUBSCRIBERS do subscribers[i] = skynet.newservice("soak_subscriber", skynet.self()) end
	news = multicast.new()
	cluster.register("soak", skynet.self())
	cluster.open("node" .. id)
	harbor.globalname("soak" .. id)
	local peers = {}
	for peer = 1, NODES do
		if peer ~= id then
			peers[#peers + 1] = harbor.queryname("soak" .. peer)
			local channel = skynet.call(peers[#peers], "lua", "channel")
			for _, subscriber in ipairs(subscribers) do skynet.call(subscriber, "lua", "subscribe", peer, channel) end
		end
	end
	-- Nobody publishes before all have subscribed to all.
	harbor.globalname("ready" .. id)
	for peer = 1, NODES do harbor.queryname("ready" .. peer) end

	local ends = skynet.now() + seconds * 100
	for peer = 1, NODES do
		if peer ~= id then
			for _, kind in ipairs { "harbor", "cluster" } do
				running = running + 1
				skynet.newservice("soak_sender", kind, peer, skynet.self())
			end
		end
	end
	running = running + 1
	skynet.fork(function()
		local ok, err = xpcall(publish, debug.traceback, peers)
		if not ok then
			fail("publish: %s", err)
			running = running - 1
		end
	end)
	watch(ends)
	stopping = true
	while running > 0 do skynet.sleep(5) end
	for kind, total in pairs(totals) do
		say("node %d has sent by %s: %d", id, kind, total)
		if total == 0 then fail("nothing was sent by %s", kind) end
	end
end

skynet.start(function()
	skynet.dispatch("lua", function(session, _, name, ...)
		if session == 0 then return command[name](...) end
		skynet.retpack(command[name](...))
	end)
	skynet.fork(function()
		local ok, err = xpcall(run, debug.traceback)
		if not ok then fail("%s", err) end
		say("%d failed", failures)
		local path = skynet.getenv "result"
		local file = assert(io.open(path .. ".new", "w"))
		file:write(table.concat(lines, "\n"), "\n")
		file:close()
		assert(os.rename(path .. ".new", path))
	end)
end)
