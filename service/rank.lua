-- The rankings of a node: knows which there are and how they are configured, and starts a service `rank_list` for each
-- that is asked for. It also serves what clients may ask (lualib/rank/api.lua) as Lua commands, under the names ".rank"
-- in the node and "@rank" on the cluster port.
--
-- Config: `rank_cluster`, the address of the cluster port, "" for none; `rank_max`, how many rankings there may be.
--
-- Lua commands: update, delete, setconfig, query, infos, ranklist, around, each with a table, answered with a table; and
-- of lualib/rank/api.lua: find(rankid, create[, failed]) → the address of the ranking's service, or nothing when there is no such
-- ranking, or nil and what is wrong; save(list) → whether it could be saved, or false, the code and what is wrong.
local skynet = require "skynet"
require "skynet.manager"
local cluster = require "skynet.cluster"
local config = require "config"
local mongo = require "skynet.db.mongo"
local queue = require "skynet.queue"
local answer = require "rank.answer"
local check = require "rank.check"
local printable = require "printable"
local rank_api = require "rank.api"

local DATABASE, CONFIGS = "rank", "rank_config"
local DEFAULT = { capacity = 500, order = "ascending" }
local MAX_RANKINGS = config.get "rank_max" or 1000

local configs       -- the collection
local known = {}    -- rankid -> its config
local known_count = 0
local lists = {}    -- rankid -> address
local starting = {} -- rankid -> { turn = a queue, callers = }, while its service is being started

local function learn(rankid, conf)
	if not known[rankid] then known_count = known_count + 1 end
	known[rankid] = conf
end

-- A ranking that was to be made and is not there.
local function forget(rankid)
	if known[rankid] ~= DEFAULT then return end -- it has got a config meanwhile
	known[rankid] = nil
	known_count = known_count - 1
end

-- A config as it is in the database; what is missing or makes no sense is the default's.
local function as_config(given)
	given = type(given) == "table" and given or {}
	return {
		capacity = check.capacity(given.capacity) or DEFAULT.capacity,
		order = check.order(given.order) or DEFAULT.order,
	}
end

local function open_database()
	local database = mongo.client(config.get_mongo()):getDB(DATABASE)
	configs = database:getCollection(CONFIGS)
	local reply = configs:createIndex { { rankid = 1 }, unique = true }
	if reply.ok ~= 1 then error("rank: the index of " .. CONFIGS .. ": " .. tostring(reply.errmsg), 0) end
	reply = database:runCommand("listCollections", 1, "nameOnly", true, "cursor", { batchSize = 1000000 })
	if reply.ok ~= 1 then error("rank: listCollections: " .. tostring(reply.errmsg), 0) end
	for _, collection in ipairs(reply.cursor.firstBatch) do
		if check.is_rankid(collection.name) then learn(collection.name, DEFAULT) end
	end
	local cursor = configs:find({}, { _id = false })
	while cursor:hasNext() do
		local document = cursor:next()
		if check.is_rankid(document.rankid) then learn(document.rankid, as_config(document.cfg)) end
	end
end

local function start_list(rankid)
	local address = skynet.newservice "rank_list"
	local conf = known[rankid]
	local ok, message = pcall(skynet.call, address, "lua", "open", rankid, conf)
	if not ok then
		skynet.kill(address)
		error(message, 0)
	end
	if conf ~= known[rankid] then skynet.call(address, "lua", "configure", known[rankid]) end
	lists[rankid] = address
end

local command = {}

local function full()
	return string.format("there are %d rankings, and rank_max allows %d", known_count, MAX_RANKINGS)
end

-- One at a time for each ranking.
local function start_if_needed(rankid, create)
	if lists[rankid] then return lists[rankid] end
	local is_new = not known[rankid]
	if is_new then
		if not create then return end
		if known_count >= MAX_RANKINGS then return nil, full() end
		learn(rankid, DEFAULT)
	end
	local ok, message = pcall(start_list, rankid)
	if ok then return lists[rankid] end
	if is_new then forget(rankid) end
	skynet.error("rank: cannot start " .. printable(rankid) .. ": " .. tostring(message))
	return nil, "the ranking cannot be read"
end

function command.find(rankid, create, failed)
	if lists[rankid] and lists[rankid] == failed and not pcall(skynet.call, failed, "debug", "PING") then
		lists[rankid] = nil -- it has ended
	end
	if lists[rankid] then return lists[rankid] end
	if not known[rankid] and not create then return end
	local start = starting[rankid] or { turn = queue(), callers = 0 }
	starting[rankid] = start
	start.callers = start.callers + 1
	local address, wrong = start.turn(start_if_needed, rankid, create)
	start.callers = start.callers - 1
	if start.callers == 0 then starting[rankid] = nil end
	return address, wrong
end

local function save(list)
	local updates, added, new = {}, 0, {}
	for i, one in ipairs(list) do
		if not known[one.rankid] and not new[one.rankid] then added = added + 1 end
		new[one.rankid] = true
		local cfg = { tag = one.tag, capacity = one.capacity, order = one.order }
		updates[i] = { query = { rankid = one.rankid }, update = { rankid = one.rankid, cfg = cfg }, upsert = true }
	end
	if known_count + added > MAX_RANKINGS then return false, "RANK_SERVICE_CACHE_FAIL", full() end
	local done, ok, message = pcall(configs.safe_batch_update, configs, updates)
	if not (done and ok) then
		skynet.error("rank: cannot save the config: " .. tostring(done and message or ok))
		return false, "SAVE_DB_FAIL", "the config is not saved, and not in force"
	end
	for _, one in ipairs(list) do
		learn(one.rankid, as_config(one))
		if lists[one.rankid] then skynet.call(lists[one.rankid], "lua", "configure", known[one.rankid]) end
	end
	return true
end

local save_in_turn = queue()

function command.save(list)
	return save_in_turn(save, list)
end

local function unknown(name)
	return function() return { code = "NOT_FOUND", message = "there is no request " .. tostring(name) } end
end

local function open_cluster_port()
	cluster.register "rank" -- also without a port of our own: discovery may have opened one
	local address = config.get "rank_cluster" or "127.0.0.1:8091"
	if address == "" then return end
	cluster.reload { rank = address }
	cluster.open "rank"
	skynet.error("rank: other nodes reach @rank at " .. address)
end

skynet.start(function()
	open_database()
	for name, request in pairs(rank_api(skynet.self())) do
		command[name] = function(given) return answer.table(request(given)) end
	end
	skynet.dispatch("lua", function(session, _, name, ...)
		local f = command[name] or unknown(name)
		if session == 0 then f(...) else skynet.retpack(f(...)) end
	end)
	skynet.register ".rank"
	open_cluster_port()
end)
