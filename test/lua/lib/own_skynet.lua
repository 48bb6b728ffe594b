-- A service that finds a skynet of its own, in the way that its argument says, and tells what it got.
local way = ...

local early = tostring(package.loaded.skynet) .. tostring(package.loaded["skynet.native"])
local usual = package.path
local file = assert(package.searchpath("skynet", usual))

local function load_own(...)
	local skynet = assert(loadfile(file))(...)
	skynet.way = way
	return skynet
end

if way == "preload" then
	package.preload.skynet = load_own
elseif way == "searcher" then
	local searchers = package.searchers or package.loaders
	table.insert(searchers, 1, function(name)
		if name == "skynet" then return load_own end
	end)
elseif way == "path" then
	own_skynet_load = load_own
	package.path = "./own_skynet/?.lua;" .. usual
elseif way == "native" then
	require "skynet.native"
end

local skynet = require "skynet"

skynet.start(function()
	skynet.dispatch("lua", function(_, _, value)
		skynet.sleep(1)
		skynet.retpack(skynet.way, early, require "skynet" == skynet, package.loaded["skynet.native"] == skynet, value)
	end)
end)
