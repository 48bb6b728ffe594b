-- What services print, beside what the node logs.
local skynet = require "skynet"
local child = require "child"
local T = require "conform"

child.spit("printer.lua", [[
local skynet = require "skynet"
require "skynet.manager"
local id = ...
skynet.start(function()
	if id then
		for i = 1, 500 do print(id, i, "a line of", 5, "words", nil) end
		return
	end
	print()
	print("types", nil, true, 1, "a\0b", setmetatable({}, { __tostring = function() return "object" end }))
	print(pcall(print, setmetatable({}, { __tostring = function() error "raised" end })))
	local requests = skynet.request()
	for i = 1, 4 do requests:add { ".launcher", "lua", "LAUNCH", "snlua", "printer", i } end
	local done
	skynet.fork(function() while not done do skynet.error "a line of the log" skynet.yield() end end)
	for _ in requests:select() do end
	done = true
	skynet.abort()
end)
]])

T.test("a printed line is whole, whoever else writes", function()
	local status, out = child.start(child.config 'start = "printer"'):wait()
	T.eq(status, 0)
	-- Lines of the log may come between them.
	T.ok(out:find("\ntypes\tnil\ttrue\t1\ta\0b\tobject\n", 1, true), out:sub(1, 2000))
	T.ok(out:find("\nfalse\t", 1, true), out:sub(1, 2000))
	local lines = 0
	for line in out:gmatch "[^\n]+" do
		if line:match "^%d\t%d+\ta line of\t5\twords\tnil$" then
			lines = lines + 1
		elseif line:find("words", 1, true) then
			error("broken: " .. line)
		end
	end
	T.eq(lines, 2000)
end)

T.run()
