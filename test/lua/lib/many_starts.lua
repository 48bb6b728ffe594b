-- For ready_skynet_test: requires a module, in different ways, and answers with its version, the number of times that its
-- file was loaded, and whether anything of the state is another service's.
local skynet = require "skynet"

local way = ...
package.path = "./?.lua;" .. package.path
if way == "clear" then skynet.cache.clear() end
if way == "off" then skynet.cache.mode "OFF" end
local module = require "many_starts_module"
local loads = 1
if way == "other" then
	local again = assert(loadfile "./many_starts_module.lua")()
	assert(again ~= module and again.own ~= module.own)
	loads = 2
end
local seen = module.own.seen or _G.many_starts_seen or false
module.own.seen, _G.many_starts_seen = true, true

skynet.start(function()
	skynet.dispatch("lua", function()
		if way == "error" then error "wanted" end
		skynet.ret(skynet.pack(module.version, loads, seen))
	end)
end)
