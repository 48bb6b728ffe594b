-- One ranking: kept in memory, and in a collection of the database. Started by the service `rank` when the ranking is
-- first asked for.
--
-- Lua commands: open(rankid, config), answered when the ranking has been read; configure(config); update(uid, score,
-- info); delete(uid) → whether the change can be saved; query(uid) → score, info, rank, or nothing; infos(uids),
-- range(start, count), around(uid, count) → players, as lualib/rank/ranking.lua has them.
local skynet = require "skynet"
local config = require "config"
local debug_commands = require "skynet.debug"
local mongo = require "skynet.db.mongo"
local rank_store = require "rank.store"
local ranking = require "rank.ranking"

local DATABASE = "rank"

local list, store

local function dropped(uid) store:mark(uid) end

local command = {}

function command.open(rankid, conf)
	local client = mongo.client(config.get_mongo())
	store = rank_store.new(client:getDB(DATABASE), rankid)
	local loaded = ranking.new(conf)
	store:load(loaded)
	list = loaded
	return list:count()
end

function command.configure(conf)
	list:configure(conf, dropped)
end

function command.update(uid, score, info)
	if store:full() then return false end
	list:update(uid, score, info, dropped)
	store:mark(uid)
	return store:works(uid)
end

function command.delete(uid)
	if store:full() then return false end
	if list:remove(uid) then store:mark(uid) end
	return store:works(uid)
end

function command.query(uid)
	local score, info = list:player(uid)
	if score then return score, info, list:rank(uid) end
end

function command.infos(uids)
	return list:players(uids)
end

function command.range(start, count)
	return list:range(start, count)
end

function command.around(uid, count)
	local rank = list:rank(uid)
	if not rank then return end
	local last = math.min(list:count(), math.max(1, rank - math.floor(count / 2)) + count - 1)
	local start = math.max(1, last - count + 1)
	return rank, start, list:range(start, count)
end

skynet.start(function()
	-- The node ends: what is not in the database yet goes there first.
	debug_commands.reg_debugcmd("EXIT", function()
		if store then store:flush() end
		skynet.exit()
	end)
	skynet.dispatch("lua", function(_, _, name, ...)
		local f = command[name] or error("rank_list: unknown command " .. tostring(name))
		if not list and name ~= "open" then error("rank_list: " .. name .. " before open") end
		skynet.retpack(f(...))
	end)
end)
