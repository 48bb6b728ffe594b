--- A Redis cluster: each command goes to the node that holds its key.
---
--- The map of slots is read once and kept. MOVED corrects one slot at once and marks the map as old; the next
--- command reads it again, and all that come meanwhile wait for that one reading.
---
--- A command is sent again when it surely has not been executed: it never left, or the server refused it (MOVED, ASK,
--- TRYAGAIN, CLUSTERDOWN). One that was sent and not answered may have been: only commands that read go again.
local skynet = require "skynet"
local redis = require "skynet.db.redis"
local codec = require "skynet.db.redis.codec"
local crc16 = require "skynet.db.redis.crc16"
local lead = require "skynet.leader"

local SLOTS = 16384
local MAX_TRIES = 16
local PAUSE = 10 -- cs before each of the later tries, and of those that the cluster is not ready for

-- Commands that change nothing: they may be sent twice.
local READS = {}
for name in ([[
	bitcount bitfield_ro bitpos dump eval_ro evalsha_ro exists expiretime fcall_ro geodist geohash geopos georadius_ro
	georadiusbymember_ro geosearch get getbit getrange hexists hget hgetall hkeys hlen hmget hrandfield hscan hstrlen hvals
	lcs lindex llen lpos lrange mget object pexpiretime pfcount pttl scard sdiff sinter sintercard sismember smembers
	smismember sort_ro srandmember sscan strlen substr sunion ttl type xinfo xlen xpending xrange xread xrevrange zcard
	zcount zdiff zinter zintercard zlexcount zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange
	zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion
]]):gmatch "%S+" do
	READS[name] = true
end

-- Commands that concern one node and name no key.
local UNROUTED = { info = true, multi = true, exec = true, slaveof = true, config = true, shutdown = true }

---@class skynet.db.redis.cluster
---@field nodes table[]       masters: { host =, port =, name =, slaves = }
---@field slots table<integer, table>
---@field connections table<string, skynet.db.redis.client>  by the name of the node
---@field private leaving table<skynet.db.redis.client, true>  to be closed when their callers have their answers
---@field private startup table[]
---@field private stale boolean       the map is to be read again before the next command
---@field private loading table[]|false    tokens of coroutines that wait for the reading under way
---@field private opening table<string, table[]>  the same, for a connection
---@field private watchers table<string, skynet.db.redis.watcher>
---@field private channel_homes table<string, skynet.db.redis.watcher>  which one has subscribed to a channel
---@field private pattern_homes table<string, skynet.db.redis.watcher>
local cluster = {}

local function new_node(host, port)
	return { host = host, port = port, name = string.format("%s:%d", host, port), slaves = {} }
end

-- ---- keys -------------------------------------------------------------------------------------

---@param key string
---@return integer slot
function cluster:keyslot(key)
	key = codec.text(key)
	local first = key:find("{", 1, true)
	local last = first and key:find("}", first + 1, true)
	if last and last > first + 1 then key = key:sub(first + 1, last - 1) end
	return crc16(key) % SLOTS
end

local function no_way(name)
	error("No way to dispatch this command to Redis Cluster: " .. tostring(name), 0)
end

local function script_slot(self, name, ...)
	local count = tonumber((select(2, ...))) or 0
	if count < 1 then no_way(name) end
	local slot
	for i = 1, count do
		local key = select(2 + i, ...)
		if key == nil then no_way(name) end
		local its = self:keyslot(key)
		if slot and slot ~= its then error(name .. " - all keys must map to the same key slot", 0) end
		slot = its
	end
	return slot
end

local function slot_of(self, name, ...)
	local command = string.lower(name)
	if UNROUTED[command] then no_way(name) end
	if command == "eval" or command == "evalsha" then return script_slot(self, name, ...) end
	local key = ...
	if type(key) == "table" then key = key[1] end
	if key == nil then no_way(name) end
	return self:keyslot(key)
end

-- ---- connections ------------------------------------------------------------------------------

local function settings(self, node)
	local db = self.opt.db
	return {
		host = node.host,
		port = node.port,
		auth = self.opt.auth,
		username = self.opt.username,
		timeout = self.opt.timeout,
		on_connect = node.replica and function(replica) replica:readonly() end or nil,
		db = db and db ~= 0 and db or nil, -- a cluster has only this one
	}
end

-- One to close: one that nobody waits on, if there is any.
local function least_used(connections)
	for name, db in pairs(connections) do
		if not redis.busy(db) then return name, db end
	end
	return next(connections)
end

-- Must not block: others that connect meanwhile would find the same room.
local function make_room(self)
	for db in pairs(self.leaving) do
		if not redis.busy(db) then
			self.leaving[db] = nil
			skynet.fork(db.disconnect, db)
		end
	end
	local count = 0
	for _ in pairs(self.connections) do count = count + 1 end
	while count > 0 and count >= (self.opt.max_connections or 256) do
		local name, db = least_used(self.connections)
		self.connections[name] = nil
		if redis.busy(db) then
			self.leaving[db] = true
		else
			skynet.fork(db.disconnect, db)
		end
		count = count - 1
	end
end

-- A caller has got its answer over `db`.
local function left(self, db)
	if self.leaving[db] and not redis.busy(db) then
		self.leaving[db] = nil
		db:disconnect()
	end
end

-- Whoever wants the node of `db` next connects, and so finds out whether it is there at all. Others may still wait
-- on it, so nothing is closed: it is not connected.
local function forget_unreachable(self, db)
	for name, other in pairs(self.connections) do
		if other == db then self.connections[name] = nil end
	end
end

--- The connection to a node, opened when there is none. Raises when it cannot be.
---@async
---@return skynet.db.redis.client
function cluster:get_connection(node)
	local name = node.name or string.format("%s:%d", node.host, node.port)
	while true do
		local db = self.connections[name]
		if db then return db end
		local waiters = self.opening[name]
		if not waiters then break end
		local token = {}
		waiters[#waiters + 1] = token
		skynet.wait(token)
	end
	local waiters = {}
	self.opening[name] = waiters
	local finish = lead(waiters, function() self.opening[name] = nil end)
	local ok, db = pcall(redis.connect, settings(self, node))
	if ok then
		make_room(self)
		self.connections[name] = db
	end
	finish()
	if not ok then error(db, 0) end
	return db
end

--- The connection to some node that answers.
---@async
function cluster:get_random_connection()
	local nodes = self.nodes
	local count = #nodes
	local first = count > 0 and math.random(count) or 0
	for i = 0, count - 1 do
		local ok, db = pcall(self.get_connection, self, nodes[(first + i - 1) % count + 1])
		if ok then return db end
	end
	for _, node in ipairs(self.startup) do
		local ok, db = pcall(self.get_connection, self, node)
		if ok then return db end
	end
	error("Can't reach a single startup node.", 0)
end

local function replica_connection(self, node)
	local slaves = node.slaves
	if #slaves == 0 then return nil end
	local ok, db = pcall(self.get_connection, self, slaves[math.random(#slaves)])
	return ok and db or nil
end

-- → a connection for a slot, and whether its master cannot be reached
local function connection_of(self, slot)
	local node = self.slots[slot]
	if not node then return self:get_random_connection(), false end
	local ok, db = pcall(self.get_connection, self, node)
	if ok then return db, false end
	self.stale = true -- another one may be the master by now, or there may be replicas
	return self.opt.read_slave and replica_connection(self, node) or self:get_random_connection(), true
end

--- The connection to the master of a slot; a random one while that is unknown.
---@async
function cluster:get_connection_by_slot(slot)
	return (connection_of(self, slot))
end

--- Closes all, the watchers too. Commands open connections again.
---@async
function cluster:close_all_connection()
	local all, leaving, watchers = self.connections, self.leaving, self.watchers
	self.connections, self.leaving, self.watchers = {}, {}, {}
	self.channel_homes, self.pattern_homes = {}, {}
	for _, db in pairs(all) do db:disconnect() end
	for db in pairs(leaving) do db:disconnect() end
	for _, watcher in pairs(watchers) do watcher:disconnect() end
end

-- ---- the map ----------------------------------------------------------------------------------

local function is_slot(value)
	return type(value) == "number" and value >= 0 and value < SLOTS
end

-- Whether that is what CLUSTER SLOTS answers: lists { first, last, { host, port }, replicas ... }.
local function is_map(lines)
	if type(lines) ~= "table" or #lines == 0 then return false end
	for _, line in ipairs(lines) do
		if type(line) ~= "table" or not is_slot(line[1]) or not is_slot(line[2]) or not line[3] then return false end
		for i = 3, #line do
			local entry = line[i]
			if type(entry) ~= "table" or type(entry[1] or "") ~= "string" or type(entry[2]) ~= "number" then return false end
		end
	end
	return true
end

-- A node that does not know its own address leaves it out: it is the one that was asked.
local function read_map(self, lines, asked)
	local nodes, slots, known = {}, {}, {}
	local function node_of(entry)
		local host = entry[1]
		if not host or host == "" then host = asked.host end
		local node = new_node(host, entry[2])
		known[node.name] = known[node.name] or node
		return known[node.name]
	end
	for _, line in ipairs(lines) do
		local master = node_of(line[3])
		if not master.listed then
			master.listed = true
			nodes[#nodes + 1] = master
			for i = 4, #line do
				local slave = node_of(line[i])
				slave.replica = true
				master.slaves[#master.slaves + 1] = slave
			end
		end
		for slot = line[1], line[2] do slots[slot] = master end
	end
	self.nodes, self.slots = nodes, slots
end

local function load_map(self)
	local candidates = {}
	for _, node in ipairs(self.nodes) do candidates[#candidates + 1] = node end
	for _, node in ipairs(self.startup) do candidates[#candidates + 1] = node end
	for _, node in ipairs(candidates) do
		local ok, lines = pcall(function() return self:get_connection(node):cluster "slots" end)
		if ok and is_map(lines) then
			read_map(self, lines, node)
			return
		end
		skynet.error("redis cluster: no slots from", node.name, ok and "" or tostring(lines))
	end
end

--- Reads the map. Those that ask for it meanwhile wait for the same reading.
---@async
function cluster:initialize_slots_cache()
	if self.loading then
		local token = {}
		table.insert(self.loading, token)
		return skynet.wait(token)
	end
	local waiters = {}
	self.loading = waiters
	self.stale = false
	local finish = lead(waiters, function(interrupted)
		self.loading = false -- not nil: any other name is a command
		self.stale = self.stale or interrupted or false
	end)
	local ok, err = pcall(load_map, self)
	finish()
	if not ok then error(err, 0) end
end

--- Forgets the map: commands go to a random node, and follow its redirections.
function cluster:flush_slots_cache()
	self.slots = {}
	self.stale = false
end

-- ---- commands ---------------------------------------------------------------------------------

-- → kind, slot, node of a redirection
local function redirection(err)
	local kind, slot, host, port = tostring(err):match "^(%u+) (%d+) ([^%s]*):(%d+)"
	if kind == "MOVED" or kind == "ASK" then return kind, tonumber(slot), host, tonumber(port) end
end

-- Follows a redirection. → the node to ask once, after ASK
local function redirected(self, kind, slot, host, port, db)
	if host == "" then host = db[1].__host end
	local node = new_node(host, port)
	if kind == "ASK" then return node end
	-- Of all that were under way when slots moved, only the first says something new.
	local known = self.slots[slot]
	if known and known.name == node.name then return nil end
	self.slots[slot] = node
	self.stale = true
	return nil
end

-- One try. → how it ended (redis.attempt), value, link, db, whether the master cannot be reached
local function attempt(self, asked, elsewhere, slot, name, ...)
	local ok, db, unreachable = pcall(function()
		if asked then return self:get_connection(asked) end
		if elsewhere then
			local reached, random = pcall(self.get_random_connection, self)
			if reached then return random end
			if not self.opt.read_slave then error(random, 0) end
		end
		return connection_of(self, slot) -- no master at all, but perhaps a replica of the slot's
	end)
	if not ok then return "unsent", db end
	local ended, value, link = redis.attempt(db, asked ~= nil, string.upper(name), ...)
	left(self, db)
	if ended == "unsent" then forget_unreachable(self, db) end
	return ended, value, link, db, unreachable
end

--- Sends a command to the node of its key; follows redirections.
---@async
---@param name string
---@return any
function cluster:call(name, ...)
	local slot = slot_of(self, name, ...)
	local asked, elsewhere, unready, unreachable, last
	if self.stale or self.loading then self:initialize_slots_cache() end
	for try = 1, MAX_TRIES do
		if unready or (elsewhere or unreachable) and try > MAX_TRIES / 2 + 1 then skynet.sleep(PAUSE) end
		local ended, value, link, db
		ended, value, link, db, unreachable = attempt(self, asked, elsewhere, slot, name, ...)
		if ended == true then return value end
		asked, elsewhere, unready, last = nil, false, false, value
		if ended ~= false then
			if ended == "lost" and not READS[string.lower(name)] then error(value, 0) end
			elsewhere = true
		else
			local kind, moved, host, port = redirection(value)
			if kind then
				asked = redirected(self, kind, moved, host, port, db)
			else
				local code = tostring(value):match "^%u+"
				unready = code == "TRYAGAIN" or code == "CLUSTERDOWN"
				if not unready then redis.fail(false, value, link, string.upper(name)) end
			end
		end
	end
	error(string.format("Too many Cluster redirections? (%s, last: %s)", name, tostring(last)), 0)
end

-- ---- subscriptions ----------------------------------------------------------------------------

-- Where a watcher may go whose node is lost: a message that is published anywhere reaches all nodes.
local function other_nodes(self, name)
	local others = {}
	for _, node in ipairs(self.nodes) do
		if node.name ~= name then others[#others + 1] = { host = node.host, port = node.port } end
	end
	return others
end

local function receive(self, name, watcher)
	while self.watchers[name] == watcher do
		local ok, data, channel, pattern = pcall(watcher.message, watcher)
		if not ok then
			watcher.channel:changebackup(other_nodes(self, name))
		elseif self.onmessage and self.watchers[name] == watcher then
			skynet.fork(self.onmessage, data, channel, pattern)
		end
	end
end

local function watcher_of(self, channel)
	local slot = self:keyslot(channel)
	local node = self.slots[slot] or self.nodes[1] or self.startup[1]
	local watcher = self.watchers[node.name]
	if watcher then return watcher end
	watcher = redis.watch(settings(self, node))
	local other = self.watchers[node.name]
	if other then
		watcher:disconnect()
		return other
	end
	self.watchers[node.name] = watcher
	skynet.fork(receive, self, node.name, watcher)
	return watcher
end

-- What is subscribed stays at its watcher, also when the slot has got another node since: else it would be subscribed
-- twice, and never unsubscribed.
local function at_its_watcher(name, homes, is_end)
	cluster[name] = function(self, channel, ...)
		if channel == nil then no_way(name) end
		local known = self[homes]
		local first = known[codec.text(channel)] or watcher_of(self, channel)
		for _, one in ipairs { channel, ... } do
			local key = codec.text(one)
			local watcher = known[key] or first
			watcher[name](watcher, one)
			known[key] = not is_end and watcher or nil
		end
	end
end

at_its_watcher("subscribe", "channel_homes")
at_its_watcher("unsubscribe", "channel_homes", true)
at_its_watcher("psubscribe", "pattern_homes")
at_its_watcher("punsubscribe", "pattern_homes", true)

local cluster_meta = {
	__index = setmetatable(cluster, {
		__index = function(methods, name)
			if type(name) ~= "string" then return nil end
			local function method(self, ...) return self:call(name, ...) end
			rawset(methods, name, method)
			return method
		end,
	}),
}

---@class skynet.db.redis.cluster.module
local module = {}

--- A cluster. Does not raise when no node answers: commands do.
---@async
---@param startup table   { host =, port = }, or a list of such
---@param opt? table      max_connections, read_slave, auth, username, db, timeout (cs)
---@param onmessage? fun(data: string, channel: string, pattern?: string)
---@return skynet.db.redis.cluster
function module.new(startup, opt, onmessage)
	if startup.host then startup = { startup } end
	local nodes = {}
	for i, node in ipairs(startup) do nodes[i] = new_node(node.host, node.port or 6379) end
	local self = setmetatable({
		startup = nodes,
		opt = opt or {},
		onmessage = onmessage or false,
		nodes = {},
		slots = {},
		connections = {},
		leaving = {},
		opening = {},
		watchers = {},
		channel_homes = {},
		pattern_homes = {},
		stale = false,
		loading = false,
	}, cluster_meta)
	self:initialize_slots_cache()
	return self
end

return module
