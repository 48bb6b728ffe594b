-- The datacenter at its edges.
local skynet = require "skynet"
local datacenter = require "skynet.datacenter"
local T = require "harness"

local function waiting(...)
	local r = {}
	skynet.fork(function(...) r.ok, r.value = pcall(datacenter.wait, ...) end, ...)
	skynet.sleep(2)
	T.eq(r.ok, nil)
	return r
end

T.test("nothing comes of no keys and of nil keys", function()
	T.eq(datacenter.get(), nil)
	T.eq(datacenter.get(nil), nil)
	T.eq(datacenter.get("a", nil, "b"), nil)
	T.raises("call failed", datacenter.set)
	T.raises("call failed", datacenter.set, "key only")
	T.raises("call failed", datacenter.set, nil, 1)
	T.raises("call failed", datacenter.wait)
	T.raises("call failed", datacenter.wait, "a", nil)
end)

T.test("false is a value", function()
	local r = waiting "no"
	datacenter.set("no", false)
	T.eventually(function() return r.ok end)
	T.eq(r.value, false)
	T.eq(datacenter.wait "no", false)
	T.raises("call failed", datacenter.get, "no", "further")
end)

T.test("keys of different types are different", function()
	datacenter.set("k", 1, "number")
	datacenter.set("k", "1", "string")
	T.eq({ datacenter.get("k", 1), datacenter.get("k", "1") }, { "number", "string" })
end)

T.test("a leaf may replace a branch and a branch a leaf", function()
	datacenter.set("x", "y", 1)
	T.eq(datacenter.set("x", 5), { y = 1 })
	T.eq(datacenter.set("x", { z = 2 }), 5)
	T.eq(datacenter.get("x", "z"), 2)
end)

T.test("deleting wakes nobody, waiters at other places go on waiting", function()
	local r, deep = waiting "w", waiting("w2", "deep")
	datacenter.set("w", nil)
	datacenter.set("w2", "other", 1)
	skynet.sleep(2)
	T.eq({ r.ok, deep.ok }, {})
	datacenter.set("w", 1)
	datacenter.set("w2", "deep", 2)
	T.eventually(function() return r.ok and deep.ok end)
	T.eq({ r.value, deep.value }, { 1, 2 })
end)

T.test("unknown commands fail", function()
	T.raises("call failed", skynet.call, "DATACENTER", "lua", "NONSENSE")
end)

T.run()
