-- Functions of skynet and fields of protocols that a program replaces: what skynet does by them is done by its own.
local skynet = require "skynet"
local core = require "skynet.core"
local T = require "harness"
local pack = require "skynet.engine".pack

local LIST = 120
local raw_ret = skynet.ret
local seen = {} -- what the program's own functions were called for, in the service

-- A function in the place of skynet[name], or of protocol[name], that notes its calls.
local function wrap(of, name)
	local before = of[name]
	of[name] = function(...)
		seen[#seen + 1] = name
		return before(...)
	end
	return function() of[name] = before end
end

local command = {}

function command.retpack(...)
	skynet.retpack(...)
end

function command.wrap(...)
	local ends = {}
	for i, name in ipairs { ... } do ends[i] = wrap(skynet, name) end
	skynet.retpack(true)
	function command.unwrap()
		for _, f in ipairs(ends) do f() end
		skynet.retpack(true)
	end
end

-- The table of skynet grows, and so moves, and has the functions by other names as well.
function command.grow()
	for i = 1, 200 do skynet["field" .. i] = skynet.ret end
	skynet.retpack(true)
end

function command.seen()
	raw_ret(core.pack(seen))
	seen = {}
end

function command.replace_by(value)
	skynet.ret = value
	local ok, err = pcall(skynet.retpack, 1)
	skynet.ret = raw_ret
	skynet.retpack(ok, tostring(err))
end

function command.blocking(where)
	local before = skynet[where]
	skynet[where] = function(...)
		local slept, err = pcall(skynet.sleep, 1)
		if not slept then
			if where == "ret" then skynet.trash(...) end -- it has the message
			error(err, 0)
		end
		return before(...)
	end
	local ok, err = pcall(skynet.retpack, "late")
	skynet[where] = before
	if not ok then skynet.retpack(err) end
end

function command.forget() end

function command.exit(watcher)
	local send = skynet.send
	skynet.send = function(address, ...)
		if ... == "lua" then send(watcher, "lua", address, select(2, ...)) end
		return send(address, ...)
	end
	skynet.exit()
end

function command.time()
	skynet.now = function() return 100 end
	skynet.starttime = function() return 5 end
	skynet.retpack(skynet.time())
end

function command.protocol(where, ...)
	local protocol = where == "list" and skynet._proto.list or skynet._proto.lua
	local ends = { wrap(protocol, "pack"), wrap(protocol, "unpack") }
	skynet.send(skynet.self(), where, "nothing")
	skynet.yield()
	local answer = pack(skynet.call(skynet.self(), where, "retpack", ...))
	for _, f in ipairs(ends) do f() end
	skynet.ret(skynet.pack(answer, seen))
	seen = {}
end

function command.nothing() end

local list = { name = "list", id = LIST, pack = skynet.pack, unpack = skynet.unpack }

if ... == "service" then
	skynet.register_protocol(list)
	local function dispatch(_, _, what, ...) return command[what](...) end
	skynet.start(function()
		skynet.dispatch("lua", dispatch)
		skynet.dispatch("list", dispatch)
	end)
	return
end

local function start()
	local service = skynet.newservice("replaced_test", "service")
	return function(...) return skynet.call(service, "lua", ...) end, service
end

T.test("skynet.retpack goes by skynet.ret and skynet.pack, from the moment that they are replaced", function()
	local ask = start()
	T.eq(ask("retpack", 1), 1)
	for _, name in ipairs { "ret", "pack" } do
		ask("wrap", name)
		T.eq(ask "seen", { name }, name)
		T.eq(pack(ask("retpack", 1, nil, "x", nil)), { 1, nil, "x", nil, n = 4 })
		T.eq(ask "seen", { name }, name)
		ask "unwrap"
		ask("retpack", 1)
		T.eq(ask "seen", {}, name)
	end
	ask("wrap", "pack", "ret")
	T.eq(ask "seen", { "pack", "ret" })
end)

T.test("the same after the table has got other fields, and the functions other names", function()
	local ask = start()
	ask("retpack", 1)
	ask "grow"
	T.eq(ask("retpack", 2), 2)
	ask("wrap", "ret")
	T.eq(ask "seen", { "ret" })
	ask "unwrap"
	T.eq(ask("retpack", 3), 3)
	T.eq(ask "seen", {})
end)

T.test("what is no function is an error of skynet.retpack", function()
	local ask = start()
	for _, value in ipairs { false, 1, "ret" } do
		local ok, err = ask("replace_by", value)
		T.eq(ok, false)
		T.ok(err:find "attempt to call", err)
	end
end)

T.test("on Lua 5.4 a function in the place of skynet.ret may block", function()
	for _, where in ipairs { "ret", "pack" } do
		local ask = start()
		local answer = ask("blocking", where)
		T.ok(answer == "late" or jit and answer:find "yield", answer)
	end
end)

T.test("a request without an answer is told by the program's own skynet.error", function()
	local ask, service = start()
	ask("wrap", "error")
	skynet.fork(pcall, skynet.call, service, "lua", "forget")
	skynet.sleep(1)
	T.eq(ask "seen", { "error" })
	skynet.kill(service)
end)

T.test("skynet.exit tells the launcher by the program's own skynet.send", function()
	local _, service = start()
	local told
	skynet.dispatch("lua", function(_, _, ...) told = pack(...) end)
	skynet.send(service, "lua", "exit", skynet.self())
	T.eventually(function() return told end)
	T.eq(told, { ".launcher", "REMOVE", service, false, n = 4 })
	T.eventually(function()
		return not skynet.call(".launcher", "lua", "LIST")[skynet.address(service)]
	end)
end)

T.test("skynet.time goes by skynet.now and skynet.starttime", function()
	T.eq((start())("time"), 6)
end)

T.test("pack and unpack of a protocol may be replaced after it was registered", function()
	for _, name in ipairs { "list", "lua" } do
		local answer, calls = start()("protocol", name, 1, nil)
		T.eq(answer, { 1, nil, n = 2 }, name)
		-- the message, the call, the request, the reply
		T.eq(calls, { "pack", "unpack", "pack", "unpack", "unpack" }, name)
	end
end)

T.run()
