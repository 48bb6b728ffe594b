--- Finds the other nodes of the cluster, in etcd (config `cluster_etcd`) and in the DNS (`cluster_dns`), and tells clusterd.
--- bootstrap starts it before the start service. docs/discovery.md is the guide.
local skynet = require "skynet"
require "skynet.manager"
local etcd = require "etcd"
local directory = require "skynet.cluster.directory"
local entries = require "skynet.cluster.entries"
local names = require "skynet.cluster.names"
local registry = require "skynet.cluster.registry"

local function number(key, default)
	local text = skynet.getenv(key) or default
	local value = tonumber(text)
	if not value or value < 0 then error(string.format("the option `%s` is %s, not a number", key, tostring(text)), 0) end
	return value
end

local TTL = math.max(1, math.floor(number("cluster_ttl", 5))) -- seconds
local DRAIN_TICKS = number("drain_timeout", 1000)
local PREFIX = skynet.getenv "cluster_prefix" or "/skynet/cluster/"

-- In 1/100 s. Three beats in the life of a lease, each of which may be late or lost once.
local BEAT = math.floor(TTL * 100 / 3)
local FIRST_PAUSE, LONGEST_PAUSE = 10, 500
-- For other nodes to see that this one drains; for connections to be closed by them.
local SETTLE, GOODBYE = 50, 200
local LOOK = 5

local clusterd ---@type integer
local client ---@type etcd.client
local own ---@type skynet.cluster.registry?  nil: this node listens nowhere, it only calls others
local known = entries.new()
local stream ---@type etcd.watch?  the running watch
local stale = false -- what is known has to be read again before it is watched
local away ---@type string?  why etcd is taken to be away
local sure_from = 0 -- skynet.now() before which a node that is missing may only have been late, as etcd was away
local ending = false  -- the node drains
local left = false -- it has no entry any more, and wants none

local command = {}

-- ---- what there is ------------------------------------------------------------------------------

local function publish()
	local list, reasons, lines = known:changes()
	if not list then return end
	for _, line in ipairs(lines) do skynet.error("cluster: " .. line) end
	skynet.call(clusterd, "lua", "found", "etcd", list, reasons)
end

local function is_own(name)
	return own and name == skynet.getenv "node"
end

local function put(name, value)
	if is_own(name) and own:is_there() and own:is_foreign(value) then
		local address = type(value) == "table" and value.address
		skynet.error(string.format("cluster: another node has taken the name %s, at %s", name, tostring(address or "no address")))
	end
	known:put(name, value)
end

local function remove(name)
	if is_own(name) and own:is_there() then own:lost() end -- the next beat makes it again
	if not away and skynet.now() >= sure_from then known:remove(name) end
end

-- Ends the watch, also one that is being opened: `follow` reads everything anew.
local function read_again()
	stale = true
	if stream then stream:close() end
end

-- Reads all entries. The revision behind them, or nil and why not.
local function read_all()
	stale = false
	local result, err = client:readdir ""
	if not result then return nil, err end
	if result.status ~= 200 then return nil, tostring(result.body.message or "status " .. result.status) end
	local header = result.body.header
	local revision = type(header) == "table" and tonumber(header.revision)
	if not revision then return nil, "malformed answer: no revision" end
	local there = {}
	for _, pair in ipairs(result.body.kvs or {}) do
		local name = pair.key:sub(#PREFIX + 1)
		there[name] = true
		put(name, pair.value)
	end
	for _, name in ipairs(known:names()) do
		if not there[name] then remove(name) end
	end
	publish()
	return revision
end

-- Follows the changes behind a revision, until the watch ends. Why it has ended.
local function watch(revision)
	local opened, err = client:watchdir(PREFIX, { start_revision = string.format("%.0f", revision + 1) })
	if not opened then return err end
	stream = opened
	while not stale do
		local body
		body, err = opened()
		if not body then break end
		local result = body.result or {}
		-- The revision is too old: etcd has forgotten what came behind it.
		if result.canceled then
			err = result.cancel_reason or "canceled"
			break
		end
		for _, event in ipairs(result.events or {}) do
			local name = event.kv.key:sub(#PREFIX + 1)
			if event.type == "DELETE" then remove(name) else put(name, event.kv.value) end
		end
		publish()
	end
	stream = nil
	opened:close()
	return not stale and err or nil
end

local function is_away(err)
	if not away and not ending then
		skynet.error(string.format("cluster: etcd does not answer (%s): the nodes that are known stay known", tostring(err)))
	end
	away = tostring(err)
end

-- etcd has answered. True when it was away before.
local function is_back()
	if not away then return false end
	away = nil
	-- Other nodes could not keep their leases alive either: they get the time to come back.
	sure_from = skynet.now() + TTL * 100
	skynet.timeout(TTL * 100, read_again)
	skynet.error "cluster: etcd answers again"
	return true
end

-- Pauses grow, and are spread: nodes that have lost the same etcd shall not all come back together.
local function pause_after(pause)
	skynet.sleep(math.floor(pause * (0.5 + math.random() / 2)) + 1)
	return math.min(2 * pause, LONGEST_PAUSE)
end

local function follow(revision)
	local pause = FIRST_PAUSE
	while not left do
		local err
		if not revision then revision, err = read_all() end
		if revision then
			is_back()
			pause = FIRST_PAUSE
			err = watch(revision)
			revision = nil
			-- A connection that ends now and then is no news: what is missing is read.
			if err then pause = pause_after(pause) end
		else
			is_away(err)
			pause = pause_after(pause)
		end
	end
end

-- ---- this node ----------------------------------------------------------------------------------

local function claim()
	local ok, err, holder = own:claim()
	if ok then
		if is_back() then read_again() end
	elseif not holder then
		is_away(err)
	end
	return ok, err, holder
end

-- Claims the name before anything else of the node runs. Raises when another node has it; without an etcd that answers the
-- node goes on, and claims later.
local function claim_first()
	local deadline = skynet.now() + (TTL + 1) * 100
	while true do
		local ok, err, holder = claim()
		if ok or not holder then return end
		-- It may be the entry of a node that has died: its lease ends within its time.
		if skynet.now() > deadline then error("cluster: " .. err, 0) end
		skynet.sleep(50)
	end
end

local function beat_once()
	local ok, err
	if not own then
		ok, err = client:readdir("", { count_only = true })
	elseif own:is_there() then
		ok, err = own:keep()
	end
	if ok then is_back() elseif err then is_away(err) end
	if not own or own:is_there() or ending then return end
	local holder
	ok, err, holder = claim()
	if ok then
		skynet.error "cluster: this node is registered"
	elseif holder then
		skynet.error("cluster: this node cannot register: " .. err)
	end
end

local function beat()
	local pause = BEAT
	while not left do
		skynet.sleep(pause)
		local begun = skynet.now()
		if not left then beat_once() end
		-- From beat to beat: one that has waited in vain is followed at once by the next, which still comes in time.
		pause = math.max(LOOK, BEAT - (skynet.now() - begun))
	end
end

-- ---- drain --------------------------------------------------------------------------------------

-- Requests of other nodes that are under way, and how many connections from other nodes there are.
local function incoming()
	local under_way, connections = 0, 0
	for _, status in ipairs(skynet.call(clusterd, "lua", "links")) do
		if status.direction == "in" then
			connections = connections + 1
			under_way = under_way + status.in_flight
		end
	end
	return under_way, connections
end

local function wait_until(deadline, f)
	while not f() and skynet.now() < deadline do skynet.sleep(LOOK) end
end

--- The start service runs: other nodes may call.
function command.ready()
	if not own then return end
	local ok, err = own:set_state "up"
	if not ok then is_away(err) end
end

--- Takes the node out of discovery, and waits for what is under way. Returns when the node may end.
function command.drain()
	if ending then return end
	ending = true
	if own and own:is_there() and own.state == "up" and DRAIN_TICKS > 0 then
		skynet.error "cluster: this node drains"
		own:set_state "draining"
		local deadline = skynet.now() + DRAIN_TICKS
		skynet.sleep(math.min(SETTLE, DRAIN_TICKS))
		skynet.call(clusterd, "lua", "refuse")
		wait_until(deadline, function() return incoming() == 0 end)
		own:leave()
		wait_until(math.min(deadline, skynet.now() + GOODBYE), function() return select(2, incoming()) == 0 end)
	elseif own then
		own:leave()
	end
	left = true
	read_again()
end

--- For the console.
function command.status()
	return { etcd = client and (away or "answers"), registered = own and own:is_there(), state = own and own.state }
end

-- ---- start --------------------------------------------------------------------------------------

-- What this node says of itself; nil when it listens nowhere.
local function self_description()
	local listen = skynet.getenv "cluster_listen"
	if not listen then return nil end
	local name = skynet.getenv "node" or error("the option `node`, the name of this node, is missing", 0)
	if name == "" or name:find "[/%z]" then error(string.format("the option `node` is %q: a name has no slash", name), 0) end
	local place = directory.parse("cluster_listen", listen)
	local address = skynet.getenv "cluster_advertise"
	if not address then
		if place.host == "0.0.0.0" or place.host == "::" then
			error("the option `cluster_advertise`, host:port as other nodes reach this one, is missing: " .. listen .. " is of no use to them", 0)
		end
		address = listen
	end
	directory.parse("cluster_advertise", address)
	skynet.call(clusterd, "lua", "listen", place.host, place.port)
	return { name = name, address = address, role = skynet.getenv "role" }
end

local function start_etcd(urls, node)
	local hosts = {}
	for url in urls:gmatch "[^%s,]+" do hosts[#hosts + 1] = url end
	local err
	client, err = etcd.new {
		http_host = hosts,
		user = skynet.getenv "cluster_etcd_user",
		password = skynet.getenv "cluster_etcd_password",
		key_prefix = PREFIX,
		timeout = math.max(0.5, TTL / 3),
		dead_after = 2 * TTL,
		quiet = true,
	}
	if not client then error("the option `cluster_etcd`: " .. err, 0) end
	if node then
		own = registry.new(client, node, TTL)
		claim_first()
	end
	local revision
	if not away then
		revision, err = read_all()
		if not revision then is_away(err) end
	end
	skynet.fork(follow, revision)
	skynet.fork(beat)
end

skynet.start(function()
	skynet.register ".clusterdiscovery"
	clusterd = skynet.uniqueservice "clusterd"
	local node = self_description()
	local urls, hosts = skynet.getenv "cluster_etcd", skynet.getenv "cluster_dns"
	if urls then start_etcd(urls, node) end
	if hosts then
		names.follow(hosts, function(list, reasons) skynet.call(clusterd, "lua", "found", "dns", list, reasons) end)
	end
	skynet.dispatch("lua", function(session, _, name, ...)
		local f = command[name] or error("clusterdiscovery: unknown command " .. tostring(name))
		if session ~= 0 then skynet.retpack(f(...)) else f(...) end
	end)
end)
