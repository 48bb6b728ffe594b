-- Which engine a service runs on.
local skynet = require "skynet"
require "skynet.manager"
local T = require "harness"

if ... == "tell" then
	skynet.start(function()
		skynet.dispatch("lua", function() skynet.retpack(skynet.engine(), jit ~= nil) end)
	end)
	return
end

T.test("skynet.engine() is what the config says", function()
	T.eq(skynet.engine(), skynet.getenv "engine")
	T.eq(skynet.engine() == "luajit", jit ~= nil)
end)

T.test("snlua follows the config, snjit is LuaJIT in any case", function()
	T.eq(skynet.call(skynet.newservice("engine_test", "tell"), "lua"), skynet.getenv "engine")
	local address = skynet.call(".launcher", "lua", "LAUNCH", "snjit", "engine_test", "tell")
	T.eq({ skynet.call(address, "lua") }, { "luajit", true })
end)

if jit then
	local own_path = package.cpath
	local object = own_path:gsub(";.*", ""):gsub("%?", "skiplist")

	T.test("a module that is built for Lua 5.4 is refused, with what to do", function()
		assert(os.execute("mkdir -p foreign && cp " .. object .. " foreign/skiplist.so") == 0)
		package.cpath = "./foreign/?.so"
		local ok, message = pcall(require, "skiplist.c")
		package.cpath = own_path
		T.eq(ok, false)
		T.ok(message:find("./foreign/skiplist.so is built for Lua 5.4", 1, true), message)
		T.ok(message:find("`lua54`", 1, true), message)
	end)

	T.test("one for LuaJIT may stand further back in the search path", function()
		package.cpath = "./foreign/?.so;" .. own_path
		local ok, skiplist = pcall(require, "skiplist.c")
		package.cpath = own_path
		T.eq({ ok, type(skiplist) }, { true, "function" })
	end)
end

T.test("package.loadlib opens modules of the own engine only", function()
	local file = package.searchpath("md5", package.cpath)
	local for_jit = file:gsub("md5%.so$", "jit/md5.so")
	local own, other = file, for_jit
	if jit then own, other = for_jit, file end

	local open = package.loadlib(own, "luaopen_md5")
	T.eq(type(open), "function")
	local opened, err, where = package.loadlib(own, "luaopen_nothing")
	T.eq({ opened, type(err), where }, { nil, "string", "init" })
	opened, err, where = package.loadlib("./no_such_file.so", "luaopen_md5")
	T.eq({ opened, type(err), where }, { nil, "string", "open" })
	if jit then
		opened, err, where = package.loadlib(other, "luaopen_md5")
		T.eq({ opened, where }, { nil, "open" })
		T.ok(err:find("is built for Lua 5.4", 1, true), err)
	end
end)

T.run()
