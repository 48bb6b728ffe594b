--- The entry of one node in etcd: a key below the cluster's prefix whose lease has to be kept alive.
---
--- The key is the node's name; its value is JSON: { address = "host:port", role =, state =, id = }. `id` is of this run of the
--- node: it tells two nodes of one name apart.
local crypt = require "skynet.crypt"

local registry = {}

---@class skynet.cluster.registry
---@field state "starting"|"up"|"draining"
---@field private client etcd.client  its prefix is the cluster's
---@field private name string
---@field private address string
---@field private role? string
---@field private ttl integer       seconds
---@field private id string
---@field private lease? string     nil: the entry is not there
local methods = {}
methods.__index = methods

---@param client etcd.client
---@param node { name: string, address: string, role?: string }
---@param ttl integer  seconds after which an entry that nobody keeps alive goes
---@return skynet.cluster.registry
function registry.new(client, node, ttl)
	return setmetatable({
		client = client,
		name = node.name,
		address = node.address,
		role = node.role,
		ttl = ttl,
		state = "starting",
		id = crypt.hexencode(crypt.randomkey() .. crypt.randomkey()),
	}, methods)
end

-- What etcd has answered, or nil and why it did not do it.
local function done(result, err)
	if not result then return nil, tostring(err) end
	if result.status == 200 then return result.body end
	local message = result.body.message or result.body.error
	return nil, type(message) == "string" and message or "status " .. result.status
end

local function value_of(self)
	return { address = self.address, role = self.role, state = self.state, id = self.id }
end

--- Whether the entry is this node's own, as far as is known.
---@return boolean
function methods:is_there()
	return self.lease ~= nil
end

-- Writes the entry with this lease. True; or false, why, and the node that has the name.
local function write(self, lease)
	local written, err = done(self.client:setnx(self.name, value_of(self), { lease = lease }))
	if not written then return false, err end
	if written.succeeded then return true end
	local held
	held, err = done(self.client:get(self.name))
	if not held then return false, err end
	local pair = held.kvs and held.kvs[1]
	if not pair then return false, "the name has just become free" end
	local holder = type(pair.value) == "table" and pair.value or {}
	-- Nobody but this node can listen at its address: an entry with it is left from an earlier run.
	if holder.address ~= self.address then
		local text = string.format("another node is called %s, at %s", self.name, tostring(holder.address))
		return false, text, holder
	end
	written, err = done(self.client:mod(self.name, value_of(self), { lease = lease, mod_revision = pair.mod_revision }))
	if not written then return false, err end
	if not written.succeeded then return false, "the entry has just been written by another node" end
	return true
end

--- Makes the entry.
---@async
---@return boolean ok
---@return string? err
---@return table? holder  the name belongs to this node; nil: etcd did not do it, and may later
function methods:claim()
	local granted, err = done(self.client:grant(self.ttl))
	if not granted then return false, err end
	-- Without a lease the entry would outlive the node.
	if type(granted.ID) ~= "string" then return false, "malformed answer: no ID of a lease" end
	local ok, holder
	ok, err, holder = write(self, granted.ID)
	if ok then
		self.lease = granted.ID
		return true
	end
	self.client:revoke(granted.ID)
	return false, err, holder
end

--- Keeps the entry alive.
---@async
---@return boolean ok  false: etcd does not answer
---@return string? err
function methods:keep()
	local kept, err = done(self.client:keepalive(self.lease))
	if not kept then return false, err end
	local result = kept.result
	if type(result) ~= "table" then return false, "malformed answer: no result" end
	-- An ended lease has no time to live.
	if (tonumber(result.TTL) or 0) <= 0 then self.lease = nil end
	return true
end

--- Somebody has deleted the entry: it is to be claimed again.
function methods:lost()
	self.lease = nil
end

--- Says what the node is at.
---@async
---@param state "up"|"draining"
---@return boolean ok
---@return string? err
function methods:set_state(state)
	self.state = state
	if not self.lease then return true end -- the next claim says it
	local written, err = done(self.client:set(self.name, value_of(self), { lease = self.lease }))
	return written ~= nil, err
end

--- Takes the entry away.
---@async
function methods:leave()
	local lease = self.lease
	self.lease = nil
	if lease then self.client:revoke(lease) end
end

--- Whether an entry of this name was written by another node, or by no node.
---@param value any
---@return boolean
function methods:is_foreign(value)
	return type(value) ~= "table" or value.id ~= self.id
end

return registry
