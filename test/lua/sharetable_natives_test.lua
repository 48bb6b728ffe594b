-- What skynet's own sharetable.lua needs of skynet.sharetable.core.
local skynet = require "skynet"
local core = require "skynet.sharetable.core"
local T = require "harness"

local store
local function ask(...) return skynet.call(store, "lua", ...) end

T.test("a matrix goes to other services by its address", function()
	store = skynet.newservice "matrix_store"
	ask("load", "code", "local n, flag = ... return { n = n, flag = flag, list = { 1, 2, { 3 } } }", 7, true)
	local pointer = ask("query", "code")
	local t = core.clone(pointer)
	T.eq({ t.n, t.flag, #t.list, t.list[3][1] }, { 7, true, 3, 3 })
	T.ok(rawequal(t, core.clone(pointer)), "one table for one version")
	T.ok(core.is_sharedtable(t) and core.is_sharedtable(t.list))
	T.eq({ core.is_sharedtable {}, core.is_sharedtable(1), core.is_sharedtable(nil) }, { false, false, false })
	T.ok(ask("size", "code") > 0)
end)

T.test("a table comes packed", function()
	ask("table", "packed", skynet.pack { a = 1, list = { "x" } })
	local t = core.clone(ask("query", "packed"))
	T.eq({ t.a, t.list[1] }, { 1, "x" })
	T.raises("call failed", ask, "table", "packed", skynet.pack "no table")
	T.eq(core.clone(ask("query", "packed")).a, 1, "the version before stays")
end)

T.test("a file is read when its name follows an @", function()
	local path = os.tmpname()
	local file = assert(io.open(path, "w"))
	file:write "return { from = 'file', arg = ... }"
	file:close()
	ask("load", "file", "@" .. path, 5)
	os.remove(path)
	local t = core.clone(ask("query", "file"))
	T.eq({ t.from, t.arg }, { "file", 5 })
	T.raises("no_such_file", core.matrix, "@no_such_file")
end)

T.test("a new version has an address of its own, and the old one stays as long as it is held", function()
	local old = core.clone(ask("query", "code"))
	local old_pointer = ask("query", "code")
	ask("load", "code", "return { n = 8 }")
	local new = core.clone(ask("query", "code"))
	T.eq({ old.n, old.list[3][1], new.n }, { 7, 3, 8 })
	T.raises("no open matrix", core.clone, old_pointer)
	ask("close", "code")
	T.raises("call failed", ask, "query", "code")
	T.eq(new.n, 8)
end)

T.test("a matrix that cannot be made says why", function()
	T.raises("oops", core.matrix, "error 'oops'")
	T.raises("not a table", core.matrix, "return 1")
	T.raises("expected", core.matrix, "return {")
	T.raises("upvalues", core.matrix, "return {}", function() end)
	T.raises("can't be an argument", core.matrix, "return {}", "text")
	T.raises("string expected", core.matrix, {})
	local matrix = core.matrix "return { 1 }"
	matrix:close()
	matrix:close()
	T.raises("closed", matrix.getptr, matrix)
	T.raises("closed", matrix.size, matrix)
	T.raises("no open matrix", core.clone, (skynet.pack()))
end)

T.test("a matrix that nobody holds is closed", function()
	local pointer
	do
		local matrix = core.matrix "return { 1 }"
		pointer = matrix:getptr()
		T.eq(core.clone(pointer)[1], 1)
	end
	T.eventually(function()
		collectgarbage()
		return not pcall(core.clone, pointer)
	end)
end)

T.test("what a coroutine has on its stack can be looked at", function()
	local function body() coroutine.yield() end
	local co = coroutine.create(body)
	local values = {}
	T.eq(core.stackvalues(co, values), 1)
	T.ok(values[1] == body, "it has not begun")
	T.eq(core.stackvalues(coroutine.running(), {}), 0)
	T.raises("table expected", core.stackvalues, co)
	T.raises("expected", core.stackvalues, {}, {})
	T.ok(coroutine.resume(co) and coroutine.resume(co))
	T.eq(coroutine.status(co), "dead")
end)

T.run()
