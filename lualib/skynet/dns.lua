--- Names to addresses: literal addresses, the hosts file, a cache, and the name servers of resolv.conf.
---
--- c-ares would do the queries as well. Ours stay because the rest is not in it: what programs see of cache, TTL and
--- `dns.server`, expired entries as a last resort. And its sockets would need a thread or a poll of their own beside the
--- node's, while these are ids of the service like all others: they end with it, and `netstat` shows them.
local skynet = require "skynet"
local message = require "skynet.dns.message"
local settings = require "skynet.dns.settings"
local exchange = require "skynet.dns.exchange"

local TYPE_A, TYPE_AAAA = message.TYPE_A, message.TYPE_AAAA
local MAX_CACHE = 4096   -- names, before the expired ones are swept out

---@class skynet.dns
---@field DEFAULT_HOSTS string|false
---@field DEFAULT_RESOLV_CONF string|false
local dns = {
	DEFAULT_HOSTS = "/etc/hosts",
	DEFAULT_RESOLV_CONF = "/etc/resolv.conf",
}

local hosts            -- [type][name] = list of addresses; nil: not read yet
-- [type][name] = { addresses =, expires = }. A name that is complete ends with a dot here; one without was found by way
-- of the search list.
local cache = {}
local cached = 0
local chosen           -- the server that dns.server() has named
local current          -- what resolv.conf says; nil: not read yet
local current_path

-- ---- hosts file, cache ------------------------------------------------------------------------

local function is_address(text)
	return text:find(":", 1, true) ~= nil or text:find "^[%d.]+$" ~= nil
end

local function read_hosts()
	hosts = { [TYPE_A] = {}, [TYPE_AAAA] = {} }
	if not dns.DEFAULT_HOSTS then return end
	local file = io.open(dns.DEFAULT_HOSTS)
	if not file then return end
	local number = 0
	for line in file:lines() do
		number = number + 1
		local address, names = line:gsub("#.*", ""):match "^%s*(%S+)%s+(.-)%s*$"
		if address and is_address(address) then
			local list = hosts[address:find(":", 1, true) and TYPE_AAAA or TYPE_A]
			for name in names:lower():gmatch "%S+" do
				list[name] = list[name] or {}
				table.insert(list[name], address)
			end
		elseif line:find "^%s*[^#%s]" then
			skynet.error(string.format("dns: %s:%d: not an address and its names", dns.DEFAULT_HOSTS, number))
		end
	end
	file:close()
end

local function cache_get(name, qtype)
	return cache[qtype] and cache[qtype][name]
end

local function fresh(entry)
	return entry ~= nil and entry.expires > skynet.now()
end

local function sweep_cache()
	cached = 0
	for _, entries in pairs(cache) do
		for name, entry in pairs(entries) do
			if fresh(entry) then cached = cached + 1 else entries[name] = nil end
		end
	end
	if cached >= MAX_CACHE then cache, cached = {}, 0 end
end

local function cache_put(name, qtype, entry)
	if cached >= MAX_CACHE then sweep_cache() end
	cache[qtype] = cache[qtype] or {}
	if not cache[qtype][name] then cached = cached + 1 end
	cache[qtype][name] = entry
end

-- ---- the search list --------------------------------------------------------------------------

-- What to ask by. Raises when there is no server.
local function current_settings()
	if not current or current_path ~= dns.DEFAULT_RESOLV_CONF then
		current, current_path = settings.read(dns.DEFAULT_RESOLV_CONF), dns.DEFAULT_RESOLV_CONF
	end
	if chosen then current.servers = { chosen } end
	if not current.servers[1] then error("no nameserver in " .. tostring(dns.DEFAULT_RESOLV_CONF)) end
	return current
end

-- The complete names that `name` may stand for, in the order in which they are asked for.
local function candidates(name, with, absolute)
	if absolute then return { name } end
	local list = {}
	for _, domain in ipairs(with.search) do
		local full = name .. "." .. domain
		if message.legal(full) then list[#list + 1] = full end
	end
	local _, dots = name:gsub("%.", "")
	table.insert(list, dots >= with.ndots and 1 or #list + 1, name)
	return list
end

-- One complete name, from the cache or from the servers. → its entry, which may have expired when nobody gives a new
-- one; code and details of what went wrong
local function look_up(name, qtype, with)
	local key = name .. "."
	local entry = cache_get(key, qtype)
	if fresh(entry) then return entry end
	local addresses, code, details = exchange.ask(with, name, qtype, function(answer)
		cache_put(key, qtype, { addresses = answer.addresses, expires = skynet.now() + answer.ttl * 100 })
	end)
	return cache_get(key, qtype) or (addresses and { addresses = addresses, expires = 0 }), code, details
end

local MEANING = {
	NXDOMAIN = "no such name: %s",
	["no data"] = "timeout or no answer: %s has no address of this kind", -- skynet's words, which programs look for
	SERVFAIL = "the name server failed: %s",
	REFUSED = "the name server refuses: %s",
}

local function reason_of(name, qtype, code, details)
	local meaning = code and (MEANING[code] or "the name server cannot answer: %s") or "timeout or no answer: %s"
	return string.format("%s (%s record; %s)", meaning:format(name), message.TYPE_NAME[qtype], details)
end

-- Of several names that were tried in vain that one is told whose failure says most.
local WEIGHT = { NXDOMAIN = 1, ["no data"] = 3 }

-- → an entry, or nil and why
local function search(name, qtype, absolute)
	local with = current_settings()
	local worst, reason = 0, nil
	for _, full in ipairs(candidates(name, with, absolute)) do
		local entry, code, details = look_up(full, qtype, with)
		if entry then return entry end
		local weight = WEIGHT[code] or 2
		if weight > worst or full == name and weight == worst then
			worst, reason = weight, reason_of(full, qtype, code, details)
		end
		-- Servers that are silent would be so for the next domain, too.
		if not code then break end
	end
	return nil, reason
end

-- ---- the public face --------------------------------------------------------------------------

--- Names the server to ask from now on, in place of those of resolv.conf. Queries under way still wait for the one
--- before.
---@param address? string  nil: those of resolv.conf again
---@param port? integer  default 53
function dns.server(address, port)
	chosen = address and { address = address, port = port or 53 }
	current = nil
	exchange.renew()
end

--- Resolves a name. Raises when there is no address, and says why: "timeout or no answer: ...", "no such name: ...
--- NXDOMAIN", and so on.
---@async
---@param name string  an address is returned as it is; with a dot at its end it is complete, and not searched for
---@param ipv6? boolean  ask for AAAA instead of A
---@return string? address  the first one
---@return string[]|string|nil addresses  all of them, or why there is none
function dns.resolve(name, ipv6)
	if is_address(name) then return name end
	local absolute
	name, absolute = name:lower():gsub("%.$", "")
	if not message.legal(name) then return nil, "illegal name" end
	local qtype = ipv6 and TYPE_AAAA or TYPE_A
	if not hosts then read_hosts() end
	local list = hosts[qtype][name]
	if list then return list[1], list end
	local key = absolute == 1 and name .. "." or name
	local entry = cache_get(key, qtype)
	if not fresh(entry) then
		local found, reason = search(name, qtype, absolute == 1)
		if found then
			cache_put(key, qtype, found)
		elseif not entry then
			error(reason)
		end
		entry = found or entry
	end
	return entry.addresses[1], entry.addresses
end

--- Empties the cache; the next query reads resolv.conf again.
function dns.flush()
	cache, cached = {}, 0
	current = nil
end

return dns
