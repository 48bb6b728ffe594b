-- Services begin with `skynet` ready to be required. None can tell: what it has set up before its `require "skynet"`
-- decides what that finds.
local skynet = require "skynet"
local T = require "harness"
local pack = require "skynet.engine".pack

local function ask(way)
	local handle = assert(skynet.newservice("own_skynet", way))
	local answer = pack(skynet.call(handle, "lua", 42))
	skynet.kill(handle)
	return answer
end

T.test("what is ready is not loaded before it is required", function()
	T.eq(ask "", { nil, "nilnil", true, true, 42, n = 5 })
end)

for _, way in ipairs { "preload", "searcher", "path" } do
	T.test("a service may have a skynet of its own: " .. way, function()
		os.execute "mkdir -p own_skynet"
		local f = assert(io.open("own_skynet/skynet.lua", "w"))
		f:write "return own_skynet_load(...)"
		f:close()
		T.eq(ask(way), { way, "nilnil", true, true, 42, n = 5 })
	end)
end

T.test("the native half may be required first", function()
	T.eq(ask "native", { nil, "nilnil", true, true, 42, n = 5 })
end)

T.test("services start after the cache was cleared, as before", function()
	skynet.cache.clear()
	T.eq(ask "", { nil, "nilnil", true, true, 42, n = 5 })
	T.eq(ask "path", { "path", "nilnil", true, true, 42, n = 5 })
end)

local function write(file, source)
	local f = assert(io.open(file, "w"))
	f:write(source)
	f:close()
end

-- Starts `many_starts`, which requires a module and then answers with what that returned.
local function start(way)
	local handle = assert(skynet.newservice("many_starts", way or ""))
	local answer = pack(skynet.call(handle, "lua"))
	skynet.kill(handle)
	return answer
end

local function module(version)
	write("many_starts_module.lua", ("return { version = %d, own = {} }"):format(version))
end

T.test("services of one name, started again and again, do not differ from the first one", function()
	module(1)
	local first = start()
	for _ = 1, 40 do T.eq(start(), first) end
	T.eq(first, { 1, 1, false, n = 3 })
	T.eq(start "other", { 1, 2, false, n = 3 })
	T.raises("call failed", skynet.call, assert(skynet.newservice("many_starts", "error")), "lua")
end)

T.test("what has changed on disk is seen after the cache was cleared, and not before", function()
	module(2)
	T.eq(start(), { 1, 1, false, n = 3 })
	T.eq(start "clear", { 2, 1, false, n = 3 })
	T.eq(start(), { 2, 1, false, n = 3 })
	module(3)
	for _ = 1, 40 do T.eq(start(), { 2, 1, false, n = 3 }) end
	T.eq(start "off", { 3, 1, false, n = 3 })
	skynet.cache.clear()
	T.eq(start(), { 3, 1, false, n = 3 })
end)

T.run()
