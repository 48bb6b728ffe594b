--- The servers that a client reads from: the one that it writes to, and the other members of the replica set, each
--- connected when somebody first wants to read there.
---
--- Which members there are is told by each server at its log-in. What a member says of itself (that it is a secondary,
--- its tags) is asked again when it is older than some seconds and somebody wants to read; a member that failed is
--- left alone for a while.
local skynet = require "skynet"
local bson = require "bson"
local new_server = require "skynet.db.mongo_server"

local FRESH = 1000     -- cs that an answer to hello counts
local REST = 100       -- cs that a member which failed is left alone
local WAIT = 50        -- cs between two looks for a member that fits
local CONNECT = 10     -- seconds that a member may take to connect, unless the client has a time for that
local NEAR = 15000000  -- ns that a member may be farther than the nearest one and still be chosen

---@class skynet.db.mongo.member
---@field server skynet.db.mongo.server
---@field hello table|false   what it said last
---@field asked integer       when
---@field distance number     ns that a hello takes
---@field failed integer|false
---@field asking boolean

---@class skynet.db.mongo.set
---@field primary skynet.db.mongo.server  that the client writes to
---@field private options skynet.db.mongo.options
---@field private names string[]   "host:port" of all members
---@field private members table<string, skynet.db.mongo.member>
---@field private waiting table[]  tokens of those who wait for an answer
---@field private closed boolean
local set = {}
set.__index = set

local function name_of(server)
	local host = tostring(server.host)
	return (host:find(":", 1, true) and "[" .. host .. "]" or host) .. ":" .. tostring(server.port)
end

local function new_member(self, name)
	local host, port = name:match "^%[?(.-)%]?:(%d+)$"
	local server = new_server(self.member_options, {
		host = host or name,
		port = tonumber(port) or 27017,
		tls_settings = self.primary.tls_settings,
	}, self.next_id, function() end)
	return { server = server, hello = false, asked = 0, distance = 0, failed = false, asking = false }
end

--- What a server says of its set: who is a member.
function set:learn(hello)
	if not hello.hosts then return end
	local names, known = {}, {}
	for _, list in ipairs { hello.hosts, hello.passives or {} } do
		for _, name in ipairs(list) do
			names[#names + 1] = name
			known[name] = true
		end
	end
	self.names = names
	for name, member in pairs(self.members) do
		if not known[name] then
			self.members[name] = nil
			skynet.fork(member.server.close, member.server)
		end
	end
end

local function wake(self)
	local tokens = self.waiting
	self.waiting = {}
	for _, token in ipairs(tokens) do skynet.wakeup(token) end
end

local function ask(self, member)
	member.asking = true
	skynet.fork(function()
		local server = member.server
		-- A connection has to be there first: its making is no distance.
		local ok, hello = pcall(function()
			server:link(true)
			local before = skynet.hpc()
			local reply = server:run("admin", "ismaster")
			member.distance = skynet.hpc() - before
			return reply
		end)
		member.asking = false
		member.asked = skynet.now()
		member.hello = ok and hello.ok == 1 and hello or false
		member.failed = not member.hello and member.asked
		wake(self)
	end)
end

local function has_tags(member, wanted)
	local tags = member.hello.tags or {}
	for key, value in pairs(wanted) do
		if tags[key] ~= value then return false end
	end
	return true
end

-- Of the first set of tags that anybody fits.
local function with_tags(members, list)
	if not list then return members end
	for _, wanted in ipairs(list) do
		local fitting = {}
		for _, member in ipairs(members) do
			if has_tags(member, wanted) then fitting[#fitting + 1] = member end
		end
		if fitting[1] then return fitting end
	end
	return {}
end

-- One of those that are not much farther than the nearest.
local function choose(members)
	if not members[1] then return nil end
	local least = math.huge
	for _, member in ipairs(members) do least = math.min(least, member.distance) end
	local near = {}
	for _, member in ipairs(members) do
		if member.distance <= least + NEAR then near[#near + 1] = member end
	end
	return near[math.random(#near)]
end

-- The time of a member's last write in seconds, as it said when it was asked; nil when it did not say.
local function last_write(member)
	local _, seconds = bson.type(member.hello.lastWrite and member.hello.lastWrite.lastWriteDate or nil)
	return tonumber(seconds)
end

-- Those that are at most so many seconds behind the primary, or, while there is none, behind the one that has come
-- furthest. Until it is asked again, a member may fall back by as much as the time between two questions.
local function fresh_enough(members, most, primary)
	local now_at_primary
	if primary and last_write(primary) then
		now_at_primary = function(member) return last_write(primary) + (member.asked - primary.asked) / 100 end
	else
		local furthest = 0
		for _, member in ipairs(members) do furthest = math.max(furthest, last_write(member) or 0) end
		now_at_primary = function() return furthest end
	end
	local fitting = {}
	for _, member in ipairs(members) do
		local own = last_write(member)
		if member == primary or (own and now_at_primary(member) - own + FRESH / 100 <= most) then fitting[#fitting + 1] = member end
	end
	return fitting
end

-- Asks those about whom too little is known. → the members that may be read from, whether answers are to come
local function survey(self, preference)
	local usable, pending, primary = {}, false, nil
	local now = skynet.now()
	for _, name in ipairs(self.names) do
		local member = self.members[name]
		if not member then
			member = new_member(self, name)
			self.members[name] = member
		end
		local resting = member.failed and now - member.failed < REST
		if not member.asking and not resting and (not member.hello or now - member.asked > FRESH) then ask(self, member) end
		local hello = member.hello
		if hello and hello.ismaster then primary = member end
		if hello and (hello.secondary or (hello.ismaster and preference.mode == "nearest")) then
			usable[#usable + 1] = member
		elseif not hello and member.asking then
			pending = true
		end
	end
	if preference.max_staleness then usable = fresh_enough(usable, preference.max_staleness, primary) end
	return with_tags(usable, preference.tags), pending
end

-- A member other than the primary, or with "nearest" any. → nil when there is none
local function find_member(self, preference)
	while not self.closed do
		local usable, pending = survey(self, preference)
		local member = choose(usable)
		if member or not pending then return member end
		local token = {}
		table.insert(self.waiting, token)
		skynet.wait(token)
	end
end

local function primary_answers(self)
	return (pcall(self.primary.link, self.primary, true))
end

-- A preference as the servers want it.
local function told(preference)
	return { mode = preference.mode, tags = preference.tags, maxStalenessSeconds = preference.max_staleness }
end

--- Where to read, and the $readPreference that the command needs there. Raises when there is nobody.
---@async
---@param preference? table  as of mongo_conf.preference
---@return skynet.db.mongo.server server, table? read_preference, skynet.db.mongo.member? member
function set:pick(preference)
	local primary = self.primary
	if not preference then return primary end
	local hello = primary.hello or {}
	-- A router chooses by itself.
	if hello.msg == "isdbgrid" then return primary, told(preference) end
	if self.options.direct or not (hello.setName or self.names[1]) then
		return primary, hello.secondary and { mode = "primaryPreferred" } or nil
	end
	local mode = preference.mode
	if mode == "primaryPreferred" and primary_answers(self) then return primary, told(preference) end
	local limit = self.options.selection_timeout
	local deadline = skynet.now() + (limit and limit * 100 or 0)
	while true do
		local member = find_member(self, preference)
		if member then return member.server, told(preference), member end
		if mode == "secondaryPreferred" then return primary, told(preference) end
		if self.closed or skynet.now() >= deadline then
			error(string.format("mongo: no member of the set that begins at %s fits the readPreference %s", name_of(primary), mode), 0)
		end
		skynet.sleep(WAIT)
	end
end

--- That a member did not answer, or said that it cannot be read from: others are chosen for a while.
---@param member skynet.db.mongo.member
function set:avoid(member)
	member.hello = false
	member.failed = skynet.now()
end

---@async
function set:close()
	if self.closed then return end
	self.closed = true
	self.primary:close()
	for _, member in pairs(self.members) do member.server:close() end
	wake(self)
end

---@param options skynet.db.mongo.options
---@param tls_settings any
---@param next_id fun(): integer
---@param on_primary fun(server: skynet.db.mongo.server)  its address may be another one now
---@return skynet.db.mongo.set
return function(options, tls_settings, next_id, on_primary)
	local member_options = {}
	for key, value in pairs(options) do member_options[key] = value end
	member_options.connect_timeout = options.connect_timeout or CONNECT
	local self = setmetatable({
		options = options,
		member_options = member_options,
		next_id = next_id,
		names = {},
		members = {},
		waiting = {},
		closed = false,
	}, set)
	self.primary = new_server(options, {
		host = options.host,
		port = options.port,
		backup = options.addresses,
		seeks_primary = not options.direct,
		tls_settings = tls_settings,
	}, next_id, function(server, hello)
		self:learn(hello)
		on_primary(server)
	end)
	return self
end
