-- config: lua54 = "engine_user_54"
-- config: luajit = "engine_user_jit"
-- config: logger = "node.log"
-- skynet.service between two engines: a function runs on the one that compiled it.
local skynet = require "skynet"
local service = require "skynet.service"
local T = require "harness"

local function logged(text)
	return T.eventually(function()
		local file = assert(io.open("node.log"))
		local all = file:read "*a"
		file:close()
		return all:find(text, 1, true)
	end)
end

T.test("a function of a LuaJIT service runs on LuaJIT", function()
	local user = skynet.newservice "engine_user_jit"
	local cell = skynet.call(user, "lua", "teller_jit")
	T.eq(skynet.call(cell, "lua"), "luajit")
	T.eq(service.query "teller_jit", cell)
	T.eq(skynet.call(user, "lua", "teller_jit"), cell)
end)

T.test("a function of a Lua 5.4 service runs on Lua 5.4, or says what the config lacks", function()
	local user = skynet.newservice "engine_user_54"
	if skynet.engine() == "lua54" then
		T.eq(skynet.call(skynet.call(user, "lua", "teller_54"), "lua"), "lua54")
	else
		T.raises("call failed", skynet.call, user, "lua", "teller_54")
		logged "the function of teller_54 cannot run here"
		logged "list service_cell under lua54"
	end
end)

T.test("what is no bytecode is refused", function()
	local cell = skynet.newservice("service_cell", "broken")
	T.raises("call failed", skynet.call, cell, "lua", "init", "return 1")
	logged "the function of broken cannot run here"
end)

T.run()
