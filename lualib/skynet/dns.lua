--- Names to addresses: literal addresses, the hosts file, a cache, and queries to a name server over UDP.
---
--- Only answers count that come from the server's own address, carry the random id of a query under way
--- and repeat its question; names in them that are neither the one asked for nor an alias of it are left out.
local skynet = require "skynet"
local socket = require "skynet.socket"
local crypt = require "skynet.crypt"

local TYPE_A, TYPE_CNAME, TYPE_AAAA = 1, 5, 28
local CLASS_IN = 1

local MAX_NAME, MAX_LABEL = 253, 63
local MAX_POINTERS = 32  -- jumps inside one compressed name
local MAX_CACHE = 4096   -- names, before the expired ones are swept out
local WAITS = { 500, 1000, 1500 } -- cs after the first, second and third datagram of a query: 30 s in all
local LATE = 3000        -- cs that a query is remembered after its last wait
local IDLE = 6000        -- cs; a link without a query for this long, to twice this long, is closed

---@class skynet.dns
---@field DEFAULT_HOSTS string|false
---@field DEFAULT_RESOLV_CONF string|false
local dns = {
	DEFAULT_HOSTS = "/etc/hosts",
	DEFAULT_RESOLV_CONF = "/etc/resolv.conf",
}

local hosts            -- [type][name] = list of addresses; nil: not read yet
local cache = {}       -- [type][name] = { addresses =, expires = }
local cached = 0
local server           -- { address, port }
local link             -- the udp id in use and the queries sent over it

-- ---- wire format (RFC 1035) -------------------------------------------------------------------

local function u16(n)
	return string.char(math.floor(n / 256) % 256, n % 256)
end

local function read_u16(s, at)
	local a, b = s:byte(at, at + 1)
	if not b then error "short message" end
	return a * 256 + b
end

local function read_u32(s, at)
	return read_u16(s, at) * 65536 + read_u16(s, at + 2)
end

local function question(name, qtype)
	local labels = name:gsub("([^.]+)%.?", function(label) return string.char(#label) .. label end)
	return labels .. "\0" .. u16(qtype) .. u16(CLASS_IN)
end

-- → the name at position `at` in lower case, and the position after it. Raises for a malformed one.
local function read_name(s, at)
	local labels, after, jumps, total = {}, nil, 0, 0
	while true do
		local n = s:byte(at)
		if not n then error "short name" end
		if n == 0 then break end
		if n >= 192 then
			jumps = jumps + 1
			if jumps > MAX_POINTERS then error "too many pointers in a name" end
			after = after or at + 2
			at = read_u16(s, at) - 192 * 256 + 1
		else
			if n > MAX_LABEL or at + n > #s then error "bad label" end
			total = total + n + 1
			if total > MAX_NAME + 1 then error "too long a name" end
			labels[#labels + 1] = s:sub(at + 1, at + n)
			at = at + n + 1
		end
	end
	return table.concat(labels, "."):lower(), after or at + 1
end

local function ipv4_text(s)
	return string.format("%d.%d.%d.%d", s:byte(1, 4))
end

local function ipv6_text(s)
	local groups = {}
	for i = 1, 15, 2 do groups[#groups + 1] = string.format("%x", read_u16(s, i)) end
	return table.concat(groups, ":")
end

local ADDRESS = {
	[TYPE_A] = { bytes = 4, text = ipv4_text },
	[TYPE_AAAA] = { bytes = 16, text = ipv6_text },
}

-- The addresses in an answer to (name, qtype) and their smallest time to live in s. Raises when malformed.
local function read_answer(s, name, qtype)
	local count = read_u16(s, 7)
	if read_u16(s, 5) ~= 1 then error "not one question" end
	local asked, at = read_name(s, 13)
	if asked ~= name or read_u16(s, at) ~= qtype then error("the question is another one: " .. asked) end
	at = at + 4
	local names, addresses, ttl = { [name] = true }, {}, nil
	for _ = 1, count do
		local owner
		owner, at = read_name(s, at)
		local rtype, life, size = read_u16(s, at), read_u32(s, at + 4), read_u16(s, at + 8)
		at = at + 10
		if at + size - 1 > #s then error "short record" end
		if not names[owner] then
			skynet.error("dns: an answer about", name, "names", owner)
		elseif rtype == TYPE_CNAME then
			names[read_name(s, at)] = true
		elseif rtype == qtype and size == ADDRESS[qtype].bytes then
			addresses[#addresses + 1] = ADDRESS[qtype].text(s:sub(at, at + size - 1))
			ttl = math.min(ttl or life, life)
		end
		at = at + size
	end
	return addresses, ttl or 0
end

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

local function sweep_cache()
	local now = skynet.now()
	cached = 0
	for _, entries in pairs(cache) do
		for name, entry in pairs(entries) do
			if entry.expires <= now then entries[name] = nil else cached = cached + 1 end
		end
	end
	if cached >= MAX_CACHE then dns.flush() end
end

local function cache_put(name, qtype, addresses, ttl)
	if cached >= MAX_CACHE then sweep_cache() end
	cache[qtype] = cache[qtype] or {}
	if not cache[qtype][name] then cached = cached + 1 end
	cache[qtype][name] = { addresses = addresses, expires = skynet.now() + ttl * 100 }
end

-- ---- queries ----------------------------------------------------------------------------------

---@class skynet.dns.query
---@field name string
---@field qtype integer
---@field addresses? string[]  set with the answer
---@field waiting boolean      false: resolve() has given up; the answer still fills the cache

local function receive(at, data, from)
	local ip, port = socket.udp_address(from)
	if not at.from[ip] or port ~= at.port or #data < 12 then
		return skynet.error("dns: no answer of the name server, but a datagram from", ip, port)
	end
	local id = read_u16(data, 1)
	local query = at.queries[id]
	if not query or data:byte(3) < 128 then return end
	local ok, addresses, ttl = pcall(read_answer, data, query.name, query.qtype)
	if not ok then
		return skynet.error("dns: a malformed answer about", query.name, ":", addresses)
	end
	at.queries[id] = nil
	if addresses[1] then cache_put(query.name, query.qtype, addresses, ttl) end
	query.addresses = addresses
	if query.waiting then skynet.wakeup(query) end
end

local function close_when_idle(at)
	skynet.timeout(IDLE, function()
		if skynet.now() - at.used < IDLE then return close_when_idle(at) end
		if link == at then link = nil end
		socket.close(at.id)
	end)
end

local function default_server()
	local file = dns.DEFAULT_RESOLV_CONF and io.open(dns.DEFAULT_RESOLV_CONF)
	if file then
		for line in file:lines() do
			local address = line:match "^%s*nameserver%s+([^%s#;]+)"
			if address then
				file:close()
				return { address, 53 }
			end
		end
		file:close()
	end
	error("no nameserver in " .. tostring(dns.DEFAULT_RESOLV_CONF))
end

local function open_link()
	server = server or default_server()
	local at = { queries = {}, from = {}, port = server[2], used = skynet.now() }
	for _, ip in ipairs(socket.resolve(server[1])) do at.from[ip] = true end
	at.id = socket.udp_dial(server[1], server[2], function(data, from) receive(at, data, from) end)
	close_when_idle(at)
	return at
end

local function random_id(queries)
	for _ = 1, 100 do
		local id = read_u16(crypt.randomkey(), 1)
		if not queries[id] then return id end
	end
	error "dns: too many queries under way"
end

-- → the addresses the server knows, perhaps none; nil when it does not answer
local function ask(name, qtype)
	link = link or open_link()
	local at = link
	local id = random_id(at.queries)
	local query = { name = name, qtype = qtype, waiting = true }
	at.queries[id] = query
	-- recursion desired; one question
	local datagram = u16(id) .. "\1\0" .. u16(1) .. u16(0) .. u16(0) .. u16(0) .. question(name, qtype)
	for _, patience in ipairs(WAITS) do
		at.used = skynet.now()
		socket.write(at.id, datagram)
		skynet.sleep(patience, query)
		if query.addresses then return query.addresses end
	end
	-- For a while a late answer may still fill the cache.
	query.waiting = false
	skynet.timeout(LATE, function() at.queries[id] = nil end)
end

local function legal(name)
	if #name > MAX_NAME or name:find "[^%w_.-]" or name:find("..", 1, true) or not name:find "^[%w_-]" then return false end
	for label in name:gmatch "[^.]+" do
		if #label > MAX_LABEL then return false end
	end
	return true
end

-- ---- the public face --------------------------------------------------------------------------

--- Names the server to ask from now on. Queries under way still wait for the one before.
---@param address string
---@param port? integer  default 53
function dns.server(address, port)
	server = { address, port or 53 }
	link = nil
end

--- Resolves a name. Raises "timeout or no answer".
---@async
---@param name string  an address is returned as it is
---@param ipv6? boolean  ask for AAAA instead of A
---@return string? address  the first one
---@return string[]|string|nil addresses  all of them, or why there is none
function dns.resolve(name, ipv6)
	if is_address(name) then return name end
	name = name:lower():gsub("%.$", "")
	if not legal(name) then return nil, "illegal name" end
	local qtype = ipv6 and TYPE_AAAA or TYPE_A
	if not hosts then read_hosts() end
	local list = hosts[qtype][name]
	if list then return list[1], list end
	local entry = cache_get(name, qtype)
	if not entry or entry.expires <= skynet.now() then
		local addresses = ask(name, qtype)
		if addresses and addresses[1] then return addresses[1], addresses end
		if not entry then error "timeout or no answer" end
	end
	return entry.addresses[1], entry.addresses
end

--- Empties the cache.
function dns.flush()
	cache = {}
	cached = 0
end

return dns
