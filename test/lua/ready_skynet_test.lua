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

T.run()
