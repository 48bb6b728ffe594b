-- Protocols with an `unpack` of their own, in Lua or native: what it gives reaches `dispatch`, and what it does wrong is an
-- error of its message alone.
local skynet = require "skynet"
local T = require "harness"

local TEXT, NATIVE, OBJECT = 101, 102, 103

local role = ...
if role == "service" then
	local blocked = 0
	local function dispatch(session, source, ...)
		if (...) == "sleep" then skynet.sleep(1) end
		if session ~= 0 then skynet.retpack(source, ...) end
	end
	skynet.register_protocol {
		name = "text", id = TEXT, pack = skynet.pack,
		unpack = function(message, size)
			local what = skynet.unpack(message, size)
			if what == "raise" then error "that is no text" end
			if what == "sleep in unpack" then
				blocked = blocked + 1
				skynet.sleep(1)
				blocked = -1000
			end
			return skynet.unpack(message, size)
		end,
		dispatch = dispatch,
	}
	skynet.register_protocol { name = "native", id = NATIVE, pack = skynet.pack, unpack = skynet.tostring, dispatch = dispatch }
	skynet.register_protocol {
		name = "object", id = OBJECT, pack = skynet.pack, dispatch = dispatch,
		unpack = setmetatable({}, { __call = function(_, ...) return "called", skynet.unpack(...) end }),
	}
	skynet.start(function()
		skynet.dispatch("lua", function(_, _, what)
			if what == "blocked" then return skynet.retpack(blocked) end
			skynet.ret()
			skynet.exit()
		end)
	end)
	return
end

for name, id in pairs { text = TEXT, native = NATIVE, object = OBJECT } do
	skynet.register_protocol { name = name, id = id, pack = skynet.pack, unpack = skynet.unpack }
end
local service

T.test("what unpack gives comes behind session and source, for each message of a turn", function()
	service = skynet.newservice("own_unpack_test", "service")
	local got = {}
	for i = 1, 100 do
		skynet.fork(function()
			local answer = { skynet.call(service, "text", i, nil, "x") }
			got[#got + 1] = answer
		end)
		skynet.send(service, "text", i)
	end
	T.eventually(function() return #got == 100 end)
	table.sort(got, function(a, b) return a[2] < b[2] end)
	for i = 1, 100 do T.eq(got[i], { skynet.self(), i, nil, "x" }) end
end)

T.test("a native unpack and a callable object do the same", function()
	T.eq({ skynet.call(service, "native", "a") }, { skynet.self(), skynet.packstring "a" })
	T.eq({ skynet.call(service, "object", 1, 2) }, { skynet.self(), "called", 1, 2 })
end)

T.test("dispatch may block after a Lua unpack", function()
	T.eq({ skynet.call(service, "text", "sleep", 7) }, { skynet.self(), "sleep", 7 })
end)

T.test("an unpack that raises fails its call, and no other", function()
	T.raises("call failed", skynet.call, service, "text", "raise")
	skynet.send(service, "text", "raise")
	T.eq({ skynet.call(service, "text", 1) }, { skynet.self(), 1 })
end)

T.test("an unpack that blocks fails its call", function()
	T.raises("call failed", skynet.call, service, "text", "sleep in unpack")
	skynet.sleep(3)
	T.eq(skynet.call(service, "lua", "blocked"), 1)
	T.eq({ skynet.call(service, "text", 2) }, { skynet.self(), 2 })
end)

T.run()
