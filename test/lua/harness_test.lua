-- What the harness itself promises: its assertions fail when they should.
local skynet = require "skynet"
local T = require "harness"

T.test("tables are compared by content", function()
	T.eq({ 1, { a = "x" } }, { 1, { a = "x" } })
	T.raises('got {[1]=1}, want {[1]=1,[2]=2}', T.eq, { 1 }, { 1, 2 })
	T.raises('got {[1]=1,[2]=2}, want {[1]=1}', T.eq, { 1, 2 }, { 1 })
	T.raises('what: got 1, want "1"', T.eq, 1, "1", "what")
end)

T.test("a missing or another error is noticed", function()
	T.eq(T.raises("part", error, "a part of it", 0), "a part of it")
	T.raises("no error was raised", T.raises, "x", function() end)
	T.raises('does not contain "x"', T.raises, "x", error, "y")
end)

T.test("bounds belong to a range", function()
	T.within(1, 1, 2)
	T.within(2, 1, 2)
	T.raises("want 1 to 2", T.within, 3, 1, 2)
end)

T.test("an event that comes late is waited for", function()
	local came = false
	skynet.timeout(2, function() came = true end)
	T.eq(T.eventually(function() return came and "value" end), "value")
	T.raises("did not happen in time", T.eventually, function() return false end, 2)
end)

T.run()
