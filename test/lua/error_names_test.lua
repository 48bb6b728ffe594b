-- Errors of native functions name them as programs do, however they are called.
local skynet = require "skynet"
require "skynet.manager"
local socketdriver = require "skynet.socketdriver"
local core = require "skynet.core"
local T = require "harness"

T.test("a function of skynet has its public name", function()
	T.raises("bad argument #1 to 'skynet.sleep' (number expected, got string)", skynet.sleep, "x")
	T.raises("bad argument #1 to 'skynet.timeout' (number expected, got table)", skynet.timeout, {}, print)
	T.raises("bad argument #2 to 'skynet.timeout' (function expected, got nil)", skynet.timeout, 1)
	for _, number in ipairs { 1.5, 1 / 0, 0 / 0, 2 ^ 63 } do
		T.raises("bad argument #1 to 'skynet.timeout' (number has no integer representation)", skynet.timeout, number, print)
	end
	T.raises("bad argument #1 to 'skynet.wakeup' (value expected)", skynet.wakeup)
	T.raises("bad argument #1 to 'skynet.fork' (function expected, got no value)", skynet.fork)
	T.raises("bad argument #1 to 'skynet.fork' (function expected, got boolean)", function() skynet.fork(true) end)
end)

T.test("a traceback has public names, and the message as it was", function()
	local waiting = coroutine.create(function() skynet.call(skynet.self(), "lua") end)
	skynet.pcall(function() end)
	local text
	-- Without the public module the internal ones are all that the library finds.
	package.loaded["skynet"] = nil
	skynet.pcall(function() text = debug.traceback("in function 'skynet.native.x'") end)
	local of_other = debug.traceback(waiting, "m", 0)
	package.loaded["skynet"] = skynet
	T.eq(text:match "^[^\n]*", "in function 'skynet.native.x'")
	text = text:gsub("^[^\n]*\n", "")
	T.eq(text:match "^[^\n]*", "stack traceback:")
	T.ok(not text:find "skynet%.native" and not text:find "skynet%.manager", text)
	if not jit then T.ok(text:find("in function 'skynet.pcall'", 1, true) or text:find("in function 'pcall'", 1, true), text) end
	T.eq(of_other, "m\nstack traceback:")
	T.eq(debug.traceback("only", 1000), "only\nstack traceback:")
end)

T.test("a function of a module has that of the module", function()
	T.raises("bad argument #1 to 'skynet.socketdriver.close' (number expected, got no value)", socketdriver.close)
	T.raises("bad argument #1 to 'skynet.core.callback' (function expected, got string)", core.callback, "x")
end)

T.test("what the runtime puts in the place of a library's function has the library's name", function()
	T.raises("bad argument #1 to 'package.loadlib' (string expected, got no value)", package.loadlib)
	T.raises("bad argument #1 to 'loadfile' (string expected, got table)", loadfile, {})
end)

T.test("a string with a zero byte is told with the public name as well", function()
	T.raises("bad argument #1 to 'skynet.getenv' (a zero byte after 'a')", skynet.getenv, "a\0b")
	T.raises("bad argument #1 to 'skynet.socketdriver.listen' (a zero byte after 'h')", socketdriver.listen, "h\0st", 1)
	T.raises("bad argument #1 to 'skynet.socketdriver.resolve' (a zero byte after 'h')", socketdriver.resolve, "h\0st")
	T.raises("bad argument #1 to 'skynet.saslprep' (a zero byte after 'p')", require "skynet.saslprep", "p\0w")
end)

T.test("a method has the name of its type, however it is called", function()
	local list = require "skiplist.c" ()
	T.raises("bad argument #2 to 'skiplist:insert' (number expected, got string)", list.insert, list, "x", "y")
	local reader = require("skynet.db.redis.codec").reader()
	for name, method in pairs(getmetatable(reader).__index) do
		local ok, err = pcall(method, reader)
		if not ok then T.ok(not tostring(err):find("'?'", 1, true), name .. ": " .. tostring(err)) end
	end
end)

-- Modules of natives, and those of their functions that are not called here: they end, dump, wait, or take memory for granted.
local MODULES = {
	"bson", "skynet.cluster.core", "skynet.cluster.link", "skynet.codecache", "skynet.core", "skynet.datasheet.core",
	"skynet.db.mysql.codec", "skynet.db.redis.codec", "skynet.debugchannel", "skynet.http.parser", "skynet.memory",
	"skynet.mongo.driver", "skynet.multicast.core", "skynet.netpack", "skynet.profile", "skynet.sharedata.core",
	"skynet.sharetable.core", "skynet.socketdriver", "skynet.stm", "skynet.websocket.codec", "sproto.core",
	"skynet.crypt", "client.crypt", "ltls.c", "ltls.init.c", "md5.core", "skynet.mongo.compression",
	"cjson", "cjson.safe", "snapshot", "agora", "tencentyun",
}
local LEFT_ALONE = { ["skynet.memory.dump"] = true, ["skynet.memory.dumpheap"] = true }

T.test("no error about an argument calls a function '?', or by a module that is not its own", function()
	local checked, wrong = 0, {}
	local function check(name, f, ...)
		local ok, err, size = pcall(f, ...)
		if ok and type(err) == "userdata" and type(size) == "number" then skynet.trash(err, size) end -- a message
		local said = not ok and tostring(err):match "bad argument #%d+ to '(.-)'"
		if not said then return end
		checked = checked + 1
		-- A function may be a part of several modules: any of them is right. It may be a module itself.
		local module, field = said:match "^(.*)[.:](.-)$"
		local home = package.loaded[module or "_G"]
		if package.loaded[said] ~= f and not (type(home) == "table" and home[field or said] == f) then
			wrong[#wrong + 1] = name .. " is called " .. said
		end
	end
	for _, name in ipairs(MODULES) do
		local found, module = pcall(require, name)
		if found and type(module) == "table" then
			for field, f in pairs(module) do
				if type(f) == "function" and not LEFT_ALONE[name .. "." .. field] then
					check(name .. "." .. field, f)
					check(name .. "." .. field, f, true)
				end
			end
		end
	end
	T.eq(wrong, {})
	T.ok(checked > 100, checked)
end)

T.run()
