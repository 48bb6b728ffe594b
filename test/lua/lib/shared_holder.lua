-- Holds shared data, on the engine that its name is configured for, and tells what it sees.
local skynet = require "skynet"
local sharetable = require "skynet.sharetable"
local sharedata = require "skynet.sharedata"

local held = {}
local commands = {}

function commands.engine()
	return skynet.engine()
end

function commands.hold(name)
	held[name] = sharetable.query(name)
	return held[name] ~= nil
end

function commands.drop(name)
	held[name] = nil
	collectgarbage()
	collectgarbage()
end

function commands.read(name, ...)
	local value = held[name]
	for _, key in ipairs { ... } do value = value[key] end
	return value
end

function commands.update(name)
	sharetable.update(name)
end

-- What pairs, ipairs, # and the rest make of a table of numbers.
function commands.sums(name)
	local t = held[name]
	local by_pairs, by_ipairs, by_next, by_index, n = 0, 0, 0, 0, 0
	for _, v in pairs(t) do
		by_pairs = by_pairs + v
		n = n + 1
	end
	for _, v in ipairs(t) do by_ipairs = by_ipairs + v end
	local k, v = next(t)
	while k do
		by_next = by_next + v
		k, v = next(t, k)
	end
	for i = 1, #t do by_index = by_index + t[i] end
	return by_pairs, by_ipairs, by_next, by_index, n, #table.concat(t, ",")
end

function commands.call(name, key, ...)
	return held[name][key](...)
end

function commands.query_data(name, key)
	return sharedata.query(name)[key]
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, command, ...)
		skynet.retpack(commands[command](...))
	end)
end)
