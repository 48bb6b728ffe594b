-- skynet.request: what is left behind when things go wrong.
local skynet = require "skynet"
local T = require "harness"

local echo
local function peer()
	echo = echo or skynet.newservice "echo"
	return echo
end

T.test("leaving the loop early leaves nothing blocked and loses no other reply", function()
	local r = skynet.request { peer(), "lua", "sleep", 5, "late" } { peer(), "lua", "echo", "early" }
	for _, answer in r:select(300) do
		T.eq(answer[1], "early")
		break
	end
	r:close()
	T.eq(skynet.task(), 1, "only the harness waits")
	skynet.sleep(10)
	T.eq(skynet.call(peer(), "lua", "echo", 1), 1)
end)

T.test("a request that cannot be packed raises, and the ones before it are dropped", function()
	local r = skynet.request { peer(), "lua", "echo", 1 } { peer(), "lua", print }
	T.raises("Unsupport type", r.select, r)
	r = skynet.request { peer(), "lua", "echo", 1 } { peer(), "no such protocol" }
	T.raises("no such protocol", r.select, r)
	T.eq(skynet.call(peer(), "lua", "echo", 2), 2)
end)

T.test("a time that is no whole number raises", function()
	local r = skynet.request { peer(), "lua", "echo", 1 }
	T.raises(nil, r.select, r, 1.5)
	T.eq(skynet.call(peer(), "lua", "echo", 3), 3)
end)

T.test("an answer that cannot be unpacked counts as a failure", function()
	local seen = {}
	for request, answer in skynet.request { peer(), "lua", "garbage" } { peer(), "lua", "echo", 4 }:select(300) do
		seen[request[3]] = answer
	end
	T.eq(seen.garbage, false)
	T.eq(seen.echo, { n = 1, 4 })
end)

T.test("time runs out also while the body of the loop blocks; what came before is still given", function()
	local r = skynet.request { peer(), "lua", "echo", "a" } { peer(), "lua", "sleep", 2, "b" }
		{ peer(), "lua", "sleep", 1000, "c" }
	local seen = {}
	for _, answer in r:select(50) do
		seen[#seen + 1] = answer[1]
		skynet.sleep(40)
	end
	T.eq(seen, { "a", "b" })
	T.eq(r.timeout, true)
end)

T.test("without a time limit hit, timeout stays nil and the timer is gone", function()
	local before = skynet.task()
	local r = skynet.request { peer(), "lua", "echo", "a" }
	for _ in r:select(100000) do end
	T.eq(r.timeout, nil)
	T.eq(skynet.task(), before)
end)

T.test("close wakes the loop of another task", function()
	local r, ended = skynet.request { peer(), "lua", "keep" }, false
	skynet.fork(function()
		for _ in r:select() do error "there is no answer" end
		ended = true
	end)
	skynet.sleep(2)
	r:close()
	T.eventually(function() return ended end)
end)

T.run()
