-- The debug protocol: evaluation, and what a caller gets who should only send.
local skynet = require "skynet"
local injectcode = require "skynet.injectcode"
local T = require "harness"

local UPVALUE = "upvalue"
local echo

local function dbg(...)
	echo = echo or skynet.newservice "echo"
	return skynet.call(echo, "debug", ...)
end

T.test("commands without an answer do not keep a caller waiting", function()
	dbg "GC"
	dbg("TERM", 0xfffff0)
end)

T.test("RUN without a file name, and with one argument that is nil", function()
	T.eq({ dbg("RUN", "print(...)") }, { true, "" })
	T.eq({ dbg("RUN", "print(select('#', ...), ...)", nil, nil, 2) }, { true, "2\tnil\t2" })
end)

T.test("a chunk of RUN may block, its globals are its own", function()
	local ok, out = dbg("RUN", 'require("skynet").sleep(1) mark = 5 print(mark)', "a.lua")
	T.eq({ ok, out }, { true, "5" })
	T.eq({ dbg("RUN", "print(mark)", "b.lua") }, { true, "nil" })
end)

T.test("errors that are no strings come as text", function()
	local ok, out = dbg("RUN", "error {}", "a.lua")
	T.eq(ok, false)
	T.ok(out:match "^table: ", out)
end)

local function suspended()
	return coroutine.create(function(a, ...)
		local b, shadow = "b", "outer"
		do
			local shadow = "inner"
			a, b = coroutine.yield(UPVALUE, shadow)
		end
		return a, b, shadow, UPVALUE
	end)
end

T.test("code is evaluated among the variables of a suspended function", function()
	local co = suspended()
	coroutine.resume(co, 1)
	local function run(source) return injectcode(source, co, 1) end
	T.eq({ run "a, b, UPVALUE" }, { true, 1, "b", "upvalue" })
	T.eq({ run "shadow" }, { true, "inner" })
	T.eq({ run "type(print), nothing" }, { true, "function" })
	T.eq({ run "_CO == nil" }, { true, false })
	T.eq({ run "UPVALUE = 'changed'" }, { true })
	T.eq(UPVALUE, "changed")
	T.eq({ run "b = a + 1" }, { true })
	T.eq({ run "b" }, { true, 2 })
	T.eq((run "error 'expected'"), false)
	T.eq((run "= ="), false)
end)

T.test("without a coroutine code sees globals and the names it is given", function()
	local got
	T.eq({ injectcode("say(1 + 1)", nil, nil, { say = function(n) got = n end }) }, { true })
	T.eq(got, 2)
	T.eq({ injectcode("UPVALUE", nil, nil) }, { true })
end)

T.test("injected code may change a protocol", function()
	local function say(text)
		return function() skynet.ret(skynet.pack(text)) end
	end
	local function asked() return skynet.call(skynet.self(), "lua") end
	local function inject(source) return skynet.call(skynet.self(), "debug", "RUN", source) end
	skynet.dispatch("lua", say "first")
	T.eq(asked(), "first")
	inject "local s = _U.skynet; _U.proto.lua.dispatch = function() s.ret(s.pack 'injected') end"
	T.eq(asked(), "injected")
	inject "_U.proto.lua.unpack = function() return 'unpacked' end"
	T.eq(asked(), "unpacked")
	inject "_U.proto.lua.unpack = _U.skynet.unpack"
	skynet.dispatch("lua", say "second")
	T.eq(asked(), "second")
end)

T.test("skynet._proto are the protocols, and changes of them count", function()
	local proto = skynet._proto
	T.eq({ proto.lua.name, proto.lua.id, proto.lua == proto[skynet.PTYPE_LUA] }, { "lua", 10, true })
	skynet.dispatch("lua", function() skynet.retpack "dispatched" end)
	T.eq(skynet.call(skynet.self(), "lua"), "dispatched")
	T.ok(proto.lua.dispatch == skynet.dispatch "lua")
	proto.lua.dispatch = function() skynet.retpack "replaced" end
	T.eq(skynet.call(skynet.self(), "lua"), "replaced")
	skynet.register_protocol { name = "own", id = 100 }
	T.eq({ proto.own.id, proto[100].name }, { 100, "own" })
end)

T.run()
