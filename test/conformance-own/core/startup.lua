-- Nodes whose options make no sense.
local child = require "child"
local T = require "conform"

child.spit("launcher_of_none.lua", [[
local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	skynet.launch "no_such_module"
	skynet.abort()
end)
]])

local function ends(status, part, ...)
	local got, out = child.start(child.config('start = "launcher_of_none"', ...)):wait()
	T.eq(got, status, out)
	T.ok(out:find(part, 1, true), out)
end

T.test("a search that meets a cpath element without a place for the name ends the node", function()
	ends(1, "Invalid C service path", 'cpath = "./modules.so"')
	ends(1, "Invalid C service path", 'cpath = "./modules.so;" .. cpath')
	ends(1, "Invalid C service path", 'cpath = cpath .. ";./modules.so"')
end)

T.test("empty elements of cpath are passed over", function()
	ends(0, "try open no_such_module failed", 'cpath = ";;" .. cpath .. ";"')
	ends(0, "try open no_such_module failed", 'cpath = ""')
end)

T.test("an engine that does not exist is refused", function()
	ends(1, "Invalid engine lua99", 'engine = "lua99"')
end)

T.run()
