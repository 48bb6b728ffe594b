-- Functions that call themselves through C: an error, as deep as it goes, and not the end of the node.
local skynet = require "skynet"
local T = require "harness"

local service

for _, way in ipairs { "gsub", "sort", "load", "coroutine.wrap", "coroutine.resume", "skynet.coroutine", "pack in __pairs",
	"string.format in __tostring", "print in __tostring", "gsub in coroutines", "half a stack in each coroutine" } do
	T.test("endless recursion is an error in: " .. way, function()
		service = service or skynet.newservice "recursing"
		local ok, err = skynet.call(service, "lua", way)
		T.eq(ok, false)
		T.ok(err:find "overflow" or err:find "error in error" or err:find "not enough memory", err)
	end)
end

T.test("150 levels through C are none too many", function()
	service = service or skynet.newservice "recursing"
	T.eq({ skynet.call(service, "lua", "nest", 150) }, { 150, 150 })
end)

T.run()
