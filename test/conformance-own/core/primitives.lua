-- What is built on the primitives, beside or instead of skynet.lua: a scheduler of one's own, a dispatcher of one's own.
local skynet = require "skynet"
require "skynet.manager"
local T = require "conform"

local own
local function ask(...) return skynet.call(own, "lua", ...) end

T.test("a service on a scheduler of its own starts, and gets its arguments", function()
	own = skynet.newservice("own_service", "a", 1)
	T.eq({ ask "arguments" }, { "a", "1" })
	T.eq({ ask "self" }, { own, string.format(":%x", own), 0, false })
end)

T.test("its start may fail", function()
	T.raises("call failed", skynet.newservice, "own_service", "fail")
end)

T.test("it answers, and its errors are its callers'", function()
	T.eq({ ask("echo", 1, nil, { x = 2 }, "y") }, { 1, nil, { x = 2 }, "y" })
	T.raises("call failed", ask, "fail")
	T.raises("call failed", skynet.call, own, "debug", "PING")
end)

T.test("it calls", function()
	skynet.dispatch("lua", function(_, _, x)
		if x == nil then error "expected" end
		skynet.retpack(x * 2)
	end)
	T.eq(ask("call", skynet.self(), 10, 21), 42)
	T.eq(ask("try", skynet.self(), 10), false)
	T.eq(ask("try", skynet.self(), 200), false)
	T.eq(ask("try", 0xfffff0, 10), false)
end)

T.test("its timers, forks and wakeups are in order", function()
	T.eq(ask "order", "creator, fork 1nil3, timer, BREAK")
	local start = skynet.now()
	T.eq(ask("sleep", 5), "slept")
	T.within(skynet.now() - start, 4, 300)
end)

T.test("a callback may be replaced in the middle of a message", function()
	ask "replace"
	T.eq({ ask("echo", 5) }, { 10, skynet.packstring("echo", 5) })
	T.eq(ask("echo", 5), 5)
end)

T.test("profile counts from the start to the first wait", function()
	T.within(ask("profile", 0.05), 0.03, 0.09)
end)

T.test("it ends", function()
	T.raises("call failed", ask, "exit")
	T.eq(skynet.localname ".own", nil)
	T.raises("call to invalid address", ask, "echo")
end)

T.test("an md5.lua of somebody else finds its native half", function()
	local core = require "md5.core"
	T.eq(T.hex(core.sum "abc"), "900150983cd24fb0d6963f7d28e17f72")
	for _, name in ipairs { "exor", "crypt", "decrypt" } do T.eq(type(core[name]), "function", name) end
end)

T.test("skynet.start takes a dispatch_message that the service has put in the place of skynet's", function()
	local wrapped = skynet.newservice "wrapped"
	T.eq(skynet.call(wrapped, "lua"), { 1, 10 })
	T.eq(skynet.call(wrapped, "lua", "sleep"), { 1, 10, 10, 1 })
	T.raises("call failed", skynet.call, wrapped, "lua", "fail")
	T.eq(#skynet.call(wrapped, "lua"), 6)
end)

T.run()
