-- require in services: what the conformance case leaves out, most of it going wrong.
local skynet = require "skynet"
local T = require "harness"

package.path = "./?.lua;" .. package.path

local function module(name, text)
	local f = assert(io.open(name .. ".lua", "w"))
	f:write(text)
	f:close()
end

local function both(a, b)
	local result = {}
	for i, name in ipairs { a, b } do
		skynet.fork(function() result[i] = { pcall(require, name) } end)
	end
	T.eventually(function() return result[1] and result[2] end)
	return result
end

T.test("modules that two tasks load and that require each other raise instead of waiting for ever", function()
	module("cross_a", 'require("skynet").sleep(2) return require "cross_b"')
	module("cross_b", 'require("skynet").sleep(2) return require "cross_a"')
	local result = both("cross_a", "cross_b")
	T.eq({ result[1][1], result[2][1] }, { false, false })
	local text = tostring(result[1][2]) .. tostring(result[2][2])
	T.ok(text:find("circular dependency", 1, true), text)
end)

T.test("a load whose task was killed can be tried again", function()
	module("killed", 'require("skynet").sleep(STOP and 100000 or 0) return "loaded"')
	STOP = true
	local co = skynet.fork(require, "killed")
	skynet.yield()
	skynet.killthread(co)
	STOP = nil
	T.eq(require "killed", "loaded")
end)

T.test("a preloaded module wins", function()
	package.preload.before = function(name) return { name = name } end
	T.eq(require "before", { name = "before" })
	package.preload.before = nil
end)

T.test("a module may put itself into package.loaded", function()
	module("itself", 'package.loaded[...] = "put by hand"')
	T.eq(require "itself", "put by hand")
end)

T.test("a syntax error names file and line, every time", function()
	module("broken", "local = 1")
	T.raises("broken.lua:1:", require, "broken")
	T.raises("broken.lua:1:", require, "broken")
end)

T.test("an init function that fails fails the require", function()
	module("badinit", 'require("skynet").init(function() error "expected init error" end) return 1')
	T.raises("expected init error", require, "badinit")
	T.eq(package.loaded.badinit, nil)
end)

T.test("init functions may add init functions; each module has its own", function()
	LOG = {}
	module("inner", 'require("skynet").init(function() table.insert(LOG, "inner") end) return 1')
	module("outer", [[
		local skynet = require "skynet"
		skynet.init(function()
			table.insert(LOG, "outer")
			skynet.init(function() table.insert(LOG, "added") end)
		end)
		require "inner"
		table.insert(LOG, "body")
		return 1
	]])
	require "outer"
	T.eq(LOG, { "inner", "body", "outer", "added" })
end)

T.test("init outside of a load raises", function()
	T.raises("skynet.init", skynet.init, function() end)
end)

T.test("a module with a protocol of its own may be loaded anew: it goes on with what it had", function()
	local socket = require "skynet.socket"
	local id, _, port = socket.listen("127.0.0.1", 0)
	for name in pairs(package.loaded) do
		if name:find "^skynet%.socket" then package.loaded[name] = nil end
	end
	local again = require "skynet.socket"
	again.start(id, function(fd)
		again.start(fd)
		socket.write(fd, socket.readline(fd) .. "!\n")
	end)
	for _, of in ipairs { socket, again } do
		local client = of.open("127.0.0.1", port)
		socket.write(client, "hello\n")
		T.eq(again.readline(client), "hello!")
		socket.close(client)
	end
	socket.close(id)
	for _, name in ipairs { "skynet.snax", "skynet.multicast", "skynet.mqueue" } do
		local before = require(name)
		package.loaded[name] = nil
		T.ok(rawequal(require(name), before), name)
	end
end)

T.test("names that are no strings get Lua's own error", function()
	T.raises("bad argument", require)
	T.raises("bad argument", require, {})
end)

T.run()
