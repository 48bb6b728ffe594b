-- skynet.trace and skynet.trace_timeout beyond the conformance cases.
local skynet = require "skynet"
local T = require "harness"

T.test("each skynet.trace in a task begins a tag of its own", function()
	local tags
	skynet.fork(function()
		skynet.trace "one"
		local one = skynet.tracetag()
		skynet.trace "two"
		tags = { one, skynet.tracetag() }
	end)
	T.eventually(function() return tags end)
	local address = skynet.address(skynet.self())
	local first, second = tags[1]:match(address .. "%-(%d+)$"), tags[2]:match(address .. "%-(%d+)$")
	T.eq(tonumber(second), tonumber(first) + 1)
end)

local function set_timer(ticks)
	skynet.timeout(ticks, function() end)
end

T.test("with trace_timeout task lists tell when a timer was set, for how long, and where", function()
	skynet.trace_timeout(true)
	local before = math.floor(skynet.now())
	set_timer(4711)
	local found
	local tasks = {}
	skynet.task(tasks)
	for _, text in pairs(tasks) do
		local now, ticks = text:match "^TIMER (%d+)%+(%d+) :"
		if ticks == "4711" then found = { tonumber(now), text } end
	end
	T.ok(found, "a timer in the list")
	T.within(found[1], before, math.floor(skynet.now()))
	T.ok(found[2]:find("stack traceback:", 1, true) and found[2]:find("set_timer", 1, true), found[2])
	skynet.trace_timeout(false)
end)

T.test("and by its session", function()
	skynet.trace_timeout(true)
	local session = skynet.genid() + 1
	set_timer(4712)
	local text = skynet.task(session)
	T.ok(text:find "^TIMER %d+%+4712 :", text)
	skynet.trace_timeout(false)
end)

T.run()
