-- config: cpath = "./?.so;"..cpath
-- config: logger = "./node.log"
-- Third-party C services: what the case cplugin does not ask for.
local skynet = require "skynet"
require "skynet.manager"
local c = require "skynet.core"
local child = require "child"
local T = require "conform"

skynet.register_protocol { name = "text", id = skynet.PTYPE_TEXT, pack = function(s) return s end, unpack = skynet.tostring }

local probe
local function ask(...) return skynet.call(probe, "text", ...) end
local function log() return child.slurp "node.log" or "" end
local function logged(text) return T.eventually(function() return log():find(text, 1, true) end, 1000, text) end

T.test("all headers together compile, and the service starts", function()
	child.compile("probe.so", "probe.c", "-Wextra -Werror")
	probe = skynet.launch "probe"
	T.ok(probe)
	T.eq(ask "nonsense", "unknown nonsense")
end)

T.test("a module may consist of init alone", function()
	child.compile("bare.so", "bare.c")
	local bare = skynet.launch "bare"
	T.eq(skynet.call(bare, "text", "four"), "instance 1 size 4")
	c.command("SIGNAL", skynet.address(bare) .. " 1")
	skynet.kill(bare)
	T.eventually(function() return skynet.send(bare, "text", "x") == nil end, 1000)
end)

T.test("a create that gives NULL fails the launch without a word", function()
	child.compile("nothing.so", "bare.c", "-DCREATES_NOTHING")
	T.eq(skynet.launch "nothing", nil)
	skynet.error "after nothing"
	logged "after nothing"
	T.eq(log():find("launch nothing", 1, true), nil)
end)

T.test("init may send, set timers and take names; what it sends to itself comes after it", function()
	local early = skynet.launch("probe", "early")
	T.eq(skynet.localname ".probe_early", early)
	T.eventually(function() return skynet.call(early, "text", "early") == "texts 2 timers 2" end, 1000)
end)

T.test("an init that fails gives its names and its instance back", function()
	os.remove "probe_released"
	T.eq(skynet.launch("probe", "fail"), nil)
	T.eq(skynet.localname ".probe_failed", nil)
	T.eventually(function() return child.slurp "probe_released" == "texts 0\n" end, 1000)
	logged "launch probe FAILED"
end)

T.test("KILL from C", function()
	local a, b = skynet.launch "probe", skynet.launch "probe"
	skynet.name(".probe_b", b)
	T.eq(ask("command KILL " .. skynet.address(a)), "(null)")
	T.eq(ask "command KILL .probe_b", "(null)")
	T.eq(ask "command KILL .probe_none", "(null)")
	T.eq(ask "command KILL :fffff0", "(null)")
	T.eq(skynet.send(a, "text", "x"), nil)
	T.eq(skynet.send(b, "text", "x"), nil)
	T.eq(skynet.localname ".probe_b", nil)
	logged(string.format("[%s] KILL :%x\n", skynet.address(probe), a))
	logged "KILL :fffff0\n"
end)

T.test("LAUNCH and NAME from C", function()
	local address = ask "command LAUNCH probe early"
	T.ok(address:match "^:%x%x%x%x%x%x%x%x$", address)
	T.eq(ask("command NAME .probe_named " .. address), "probe_named")
	T.eq(ask("command NAME .probe_named " .. address), "(null)")
	T.eq(ask "command NAME .probe_zero :0", "(null)")
	T.eq(ask "command NAME .probe_bad 12", "(null)")
	T.eq(ask "command NAME .probe_nobody", "(null)")
	T.eq(ask "command NAME .probe_nobody  ", "(null)")
	T.eq(skynet.call(".probe_named", "text", "nonsense"), "unknown nonsense")
end)

T.test("STAT from C", function()
	T.ok(tonumber(ask "command STAT message") > 1)
	T.ok(tonumber(ask "command STAT cpu"))
	T.ok(tonumber(ask "command STAT time"))
	T.eq(ask "command STAT endless", "0")
	T.eq(ask "command STAT nonsense", "")
end)

T.test("the monitor is told of every end but ABORT", function()
	T.eq(ask("command MONITOR " .. skynet.address(probe)), "(null)")
	T.eq(ask "command MONITOR", string.format(":%x", probe))
	local a = skynet.launch "probe"
	skynet.kill(a)
	T.eventually(function() return ask "deaths" == string.format(":%08x 0 0;", a) end, 1000)
end)

T.test("functions of a context", function() T.eq(ask "context", "1 1 1 1") end)

T.test("a message pushed past skynet_send", function()
	local got
	skynet.dispatch("lua", function(session, source, ...) got = { session, source, ... } end)
	local old = skynet.dispatch("lua")
	T.ok(old)
	T.eq(ask(string.format("push %x %s", skynet.self(), skynet.packstring "pushed")), "0")
	T.eventually(function() return got end, 1000)
	T.eq(got, { 0, probe, "pushed" })
	T.eq(ask "push fffff0 text", "-1")
end)

T.test("names without a dot", function()
	T.eq(ask "names probe_by_c", "0 probe_by_c (null) 1 1")
	T.eq(skynet.localname ".probe_by_c", probe)
end)

T.test("the environment keeps a first value", function()
	T.eq(ask "env probe_key", "(null) first")
	T.eq(ask "env thread", "4 4")
	T.eq(skynet.getenv "probe_key", "first")
end)

T.test("skynet_timeout", function()
	for _, ticks in ipairs { 0, -1, 1, 3 } do
		local before = skynet.now()
		T.eq(ask("timeout " .. ticks), "source 0 size 0 data 0")
		T.within(skynet.now() - before, math.max(ticks, 0), ticks + 300)
	end
end)

T.test("time", function() T.eq(ask "time", "1 1") end)

T.test("memory is one for all", function() T.eq(ask "memory text", "good") end)

T.test("skynet_debug_memory says what this service holds", function()
	local line = ask "debugmemory held"
	local handle, bytes = line:match "^%[:(%x+)%] held 0x(%x+)\n$"
	T.eq(handle, string.format("%08x", probe), line)
	T.ok(tonumber(bytes, 16) >= 100000, line)
end)

T.test("log lines from C", function()
	T.eq(ask "log words", "logged")
	logged(string.format("[%s] probe says words 7 %%\n", skynet.address(probe)))
	logged "[:00000000] nobody says words\n"
	logged "probe raw \0 %d end\n"
	logged("probe long " .. ("y"):rep(100000) .. " end\n")
end)

T.test("messages that the service keeps stay what they were", function()
	for i = 1, 50 do skynet.send(probe, "text", "keep " .. i .. ",") end
	local want = {}
	for i = 1, 50 do want[i] = i .. "," end
	T.eq(ask "release", table.concat(want))
end)

T.test("a service that is killed releases its instance once, and what waited is freed", function()
	os.remove "probe_released"
	local a = skynet.launch "probe"
	for _ = 1, 1000 do skynet.send(a, "text", "nonsense") end
	skynet.kill(a)
	T.eventually(function() return child.slurp "probe_released" end, 1000)
	skynet.sleep(5)
	T.ok(child.slurp("probe_released"):match "^texts %d+\n$")
end)

T.run()
