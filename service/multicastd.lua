--- The channels of a node, and who has subscribed to them. One on each node; they know each other by the datacenter,
--- at `multicast, <harbor id>`.
---
--- A channel's low byte is the id of the node that made it. Its multicastd knows all subscribers of its own node and
--- every node that has any; those nodes' multicastd know theirs.
local skynet = require "skynet"
local core = require "skynet.multicast.core"
local datacenter = require "skynet.datacenter"
local harbor = require "skynet.harbor"

local own_node = skynet.harbor(skynet.self())

-- In 1/100 s: the pause between attempts to be in the datacenter of a master that comes back.
local RETRY_TICKS = 20

---@class multicastd.channel
---@field list integer[]                 subscribers of this node
---@field place table<integer, integer>  where each is in the list
---@field nodes table<integer, integer>  other nodes that have subscribers, and their multicastd; for channels of this node

local channels = {} ---@type table<integer, multicastd.channel>
local last_id = own_node
local addresses = {} ---@type table<integer, integer>  the multicastd of other nodes

local function node_of(id) return id % 256 end

local function new_channel()
	return { list = {}, place = {}, nodes = {} }
end

local function known_node(node)
	if not addresses[node] then addresses[node] = datacenter.get("multicast", node) end
	return assert(addresses[node], "there is no multicastd at harbor " .. node)
end

-- A node that has come back has another multicastd.
local function ask(node, ...)
	local ok, result = pcall(skynet.call, known_node(node), "lua", ...)
	if ok then return result end
	local before = addresses[node]
	addresses[node] = nil
	if known_node(node) == before then error(result, 0) end
	return skynet.call(known_node(node), "lua", ...)
end

local function discard(box)
	core.close(core.bind(box, 1))
end

local function remove(channel, service)
	local place = channel.place[service]
	if not place then return end
	local last = table.remove(channel.list)
	channel.place[service] = nil
	if last ~= service then
		channel.list[place] = last
		channel.place[last] = place
	end
end

-- Subscriptions for which the node of the channel has yet to answer: while there are any, this node does not leave it.
local asking = {} ---@type table<integer, integer>

-- A channel of another node in which this one has lost interest.
local function leave(id, channel)
	if node_of(id) ~= own_node and #channel.list == 0 and channels[id] == channel and not asking[id] then
		channels[id] = nil
		if addresses[node_of(id)] then skynet.send(addresses[node_of(id)], "lua", "USUBR", id) end
	end
end

-- When a node goes down its channels are gone, and so are its subscribers: the numbers are used again when it is back.
local watched = {} ---@type table<integer, true>

local function watch(node)
	if watched[node] then return end
	watched[node] = true
	skynet.fork(function()
		pcall(harbor.link, node)
		watched[node] = nil
		addresses[node] = nil
		for id, channel in pairs(channels) do
			channel.nodes[node] = nil
			if node_of(id) == node then channels[id] = nil end
		end
	end)
end

local function publish(id, source, box, size)
	local channel = channels[id]
	if not channel then return discard(box) end
	if next(channel.nodes) then
		local _, message, bytes = core.unpack(box, size)
		local text = skynet.tostring(message, bytes)
		for _, address in pairs(channel.nodes) do skynet.redirect(address, source, "multicast", id, text) end
	end
	if #channel.list == 0 then return discard(box) end
	for _, service in ipairs(core.publish(box, id, source, channel.list) or {}) do remove(channel, service) end
	leave(id, channel)
end

-- What other nodes' multicastd pass on: the session is the channel, the source who has published.
skynet.register_protocol {
	name = "multicast",
	id = skynet.PTYPE_MULTICAST,
	unpack = core.packremote,
	dispatch = function(id, source, box, size)
		skynet.ignoreret()
		publish(id, source, box, size)
	end,
}

local command = {}

function command.NEW()
	repeat
		last_id = core.nextid(last_id)
	until not channels[last_id]
	local id = last_id
	channels[id] = new_channel()
	return id
end

-- The box is ours, whatever happens.
function command.PUB(source, id, box, size)
	if node_of(id) == own_node then return publish(id, source, box, size) end
	local ok, address = pcall(known_node, node_of(id))
	if not ok then
		discard(box)
		error(address, 0)
	end
	skynet.redirect(address, source, "multicast", id, core.remote(box))
end

-- Whether the node of a channel has it, and now has this node as a subscriber.
local function ask_for_channel(id)
	asking[id] = (asking[id] or 0) + 1
	local ok, unknown = pcall(ask, node_of(id), "SUBR", id)
	asking[id] = asking[id] > 1 and asking[id] - 1 or nil
	if ok and not unknown then return true end
	if channels[id] then leave(id, channels[id]) end
	if not ok then error(unknown, 0) end
	return false
end

function command.SUB(source, id)
	local channel = channels[id]
	if not channel then
		if node_of(id) == own_node or not ask_for_channel(id) then return end
		watch(node_of(id))
		channel = channels[id] or new_channel()
		channels[id] = channel
	end
	if channel.place[source] then return end
	table.insert(channel.list, source)
	channel.place[source] = #channel.list
end

function command.USUB(source, id)
	local channel = channels[id]
	if not channel then return end
	remove(channel, source)
	leave(id, channel)
end

function command.SUBR(source, id)
	local node = skynet.harbor(source)
	local channel = channels[id]
	if not channel then return true end
	assert(node ~= own_node and node_of(id) == own_node, "SUBR: this is not for this node")
	addresses[node] = source
	channel.nodes[node] = source
	watch(node)
end

function command.USUBR(source, id)
	local channel = channels[id]
	if channel then channel.nodes[skynet.harbor(source)] = nil end
end

function command.DEL(_, id)
	if node_of(id) ~= own_node then
		skynet.send(known_node(node_of(id)), "lua", "DEL", id)
		return
	end
	local channel = channels[id]
	channels[id] = nil
	for _, address in pairs(channel and channel.nodes or {}) do skynet.send(address, "lua", "DELR", id) end
end

function command.DELR(_, id)
	channels[id] = nil
end

local function be_found()
	return datacenter.set("multicast", own_node, skynet.self())
end

-- The datacenter is the master's: that of one which comes back is empty. Without a network there is no master to lose.
local function stay_found()
	while pcall(harbor.linkmaster) do
		repeat skynet.sleep(RETRY_TICKS) until pcall(be_found)
	end
end

skynet.start(function()
	skynet.dispatch("lua", function(session, source, name, ...)
		local f = command[name]
		if not f then error("Unknown command " .. tostring(name)) end
		local result = f(source, ...)
		if session ~= 0 then skynet.retpack(result) end
	end)
	local before = be_found()
	if own_node ~= 0 then skynet.fork(stay_found) end
	if before then skynet.error(("multicastd takes the place of :%08x"):format(before)) end
end)
