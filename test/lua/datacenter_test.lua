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

T.test("keys that were waited for once take no memory afterwards", function()
	local function memory()
		skynet.call("DATACENTER", "debug", "GC")
		return skynet.call("DATACENTER", "debug", "MEM")
	end
	local function wait_for(first, last)
		local left = 2 * (last - first + 1)
		for i = first, last do
			for _, key in ipairs { "leaf", "branch" } do
				skynet.fork(function()
					T.eq(pcall(datacenter.wait, "once", i, key), key == "leaf")
					left = left - 1
				end)
			end
		end
		skynet.yield()
		for i = first, last do
			datacenter.set("once", i, "leaf", true)
			datacenter.set("once", i, "branch", "in it", true)
			datacenter.set("once", i, nil)
		end
		T.eventually(function() return left == 0 end)
	end
	wait_for(1, 5000)
	local before = memory()
	wait_for(5001, 10000)
	T.within(memory() - before, -1000, 300, "KB")
	-- Others that wait on the same way go on waiting.
	local got
	skynet.fork(function() got = datacenter.wait("once", "a", "b", "c") end)
	skynet.fork(function() pcall(datacenter.wait, "once", "a", "b", "d") end)
	skynet.yield()
	datacenter.set("once", "a", "b", "d", 1)
	datacenter.set("once", "a", "b", "c", 2)
	T.eventually(function() return got end)
	T.eq(got, 2)
end)

T.run()
