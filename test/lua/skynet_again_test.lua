-- `package.loaded.skynet = nil; require "skynet"`, as tools do that load modules anew: another table, for the same tasks.
local first = require "skynet"
local T = require "harness"

package.loaded.skynet = nil
local in_main = require "skynet"

local function again()
	package.loaded.skynet = nil
	return require "skynet"
end

-- What a service does with it.
local function check(skynet)
	T.ok(skynet ~= first)
	T.ok(rawequal(require "skynet", skynet))
	T.eq(skynet.self(), first.self())
	T.eq(skynet.PTYPE_LUA, 10)
	T.ok(skynet.localname ".launcher")
	for _, other in ipairs { first, skynet } do
		other.dispatch("lua", function(_, _, what, ...)
			if what == "ret" then return other.ret(other.pack(...)) end
			if what == "response" then return other.response()(true, ...) end
			other.retpack(...)
		end)
		for _, what in ipairs { "ret", "retpack", "response" } do
			T.eq({ skynet.call(skynet.self(), "lua", what, 1, what) }, { 1, what })
			T.eq({ first.call(skynet.self(), "lua", what, 2, what) }, { 2, what })
		end
	end
	local woken = 0
	local sleeper = skynet.fork(function()
		first.wait()
		woken = woken + 1
		first.sleep(1000)
	end)
	skynet.yield()
	T.eq(skynet.wakeup(sleeper), true)
	skynet.yield()
	T.eq(woken, 1)
	T.eq(skynet.killthread(sleeper), sleeper)
	skynet.timeout(1, function() woken = 2 end)
	skynet.sleep(3)
	T.eq(woken, 2)
	local ret, seen = skynet.ret, 0
	skynet.ret = function(...)
		seen = seen + 1
		return ret(...)
	end
	T.eq(skynet.call(skynet.self(), "lua", "retpack", 3), 3)
	skynet.ret = ret
	T.eq(seen, 1)
	T.eq((skynet.call(skynet.self(), "debug", "STAT")).task > 0, true)
end

T.test("in the main chunk", function() check(in_main) end)
T.test("in a task", function() check(again()) end)
T.test("and once more", function() check(again()) end)

T.test("while all of skynet's modules that are loaded are taken away", function()
	local before = {}
	for name in pairs(package.loaded) do
		if name:find "^skynet" then before[name], package.loaded[name] = package.loaded[name], nil end
	end
	check(require "skynet")
	for name, module in pairs(before) do package.loaded[name] = module end
end)

T.test("what no part of it has is nil, as before", function()
	local skynet = again()
	T.eq(skynet.nothing, nil)
	T.eq(first.nothing, nil)
	T.eq(first.memlimit ~= nil, skynet.memlimit ~= nil)
end)

T.run()
