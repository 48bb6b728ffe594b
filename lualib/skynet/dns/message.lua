--- The bytes of DNS queries and answers (RFC 1035).
---
--- What comes from the network may be anything: read_answer() raises for what is malformed, and its work is bounded by
--- the size of the message.
local message = {}

local TYPE_A, TYPE_CNAME, TYPE_AAAA = 1, 5, 28
local CLASS_IN = 1
local MAX_NAME, MAX_LABEL = 253, 63
local MAX_POINTERS = 32  -- jumps inside one compressed name
local HEAD = 12          -- bytes

message.TYPE_A, message.TYPE_AAAA = TYPE_A, TYPE_AAAA
message.HEAD = HEAD
message.TYPE_NAME = { [TYPE_A] = "A", [TYPE_AAAA] = "AAAA" }

-- What a server says when it has no answer. "no data" is not on the wire: the name exists, without such a record.
local CODES = { [0] = "no data", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" }

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

message.u16, message.read_u16 = u16, read_u16

--- Whether a name can be asked for: letters, digits, "_", "-" and "." only, as skynet has it.
---@param name string  without a dot at its end
---@return boolean
function message.legal(name)
	if #name > MAX_NAME or name:find "[^%w_.-]" or name:find("..", 1, true) or not name:find "^[%w_-]" then return false end
	for label in name:gmatch "[^.]+" do
		if #label > MAX_LABEL then return false end
	end
	return true
end

--- A query with one question, recursion desired.
---@param id integer
---@param name string  a legal one
---@param qtype integer
---@return string bytes
function message.query(id, name, qtype)
	local labels = name:gsub("([^.]+)%.?", function(label) return string.char(#label) .. label end)
	return u16(id) .. "\1\0" .. u16(1) .. u16(0) .. u16(0) .. u16(0) .. labels .. "\0" .. u16(qtype) .. u16(CLASS_IN)
end

-- → the name at position `at` in lower case, and the position after it. A dot inside a label is no end of a label.
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
			labels[#labels + 1] = s:sub(at + 1, at + n):gsub("%.", "\\.")
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

-- → the records of the answer section: { owner =, alias = } or { owner =, address =, ttl = }
local function read_records(s, at, count, qtype)
	local records = {}
	for _ = 1, count do
		local owner
		owner, at = read_name(s, at)
		local rtype, class, life, size = read_u16(s, at), read_u16(s, at + 2), read_u32(s, at + 4), read_u16(s, at + 8)
		at = at + 10
		if at + size - 1 > #s then error "short record" end
		local record = { owner = owner }
		if class ~= CLASS_IN then
			record.other = true
		elseif rtype == TYPE_CNAME then
			record.alias = read_name(s, at)
		elseif rtype == qtype and size == ADDRESS[qtype].bytes then
			-- A life that would be negative is none (RFC 2181, 8): it would stay in the cache for ever.
			record.ttl = life < 2 ^ 31 and life or 0
			record.address = ADDRESS[qtype].text(s:sub(at, at + size - 1))
		end
		records[#records + 1] = record
		at = at + size
	end
	return records
end

-- The name and all that it is an alias of, in whatever order the records come.
local function names_of(name, records)
	local alias, names = {}, { [name] = true }
	for _, r in ipairs(records) do
		if r.alias then alias[r.owner] = alias[r.owner] or r.alias end
	end
	name = alias[name]
	while name and not names[name] do
		names[name] = true
		name = alias[name]
	end
	return names
end

---@class skynet.dns.answer
---@field truncated? boolean    the rest is to be had over TCP; nothing else is told then
---@field code? string          why there is no address: "NXDOMAIN", "SERVFAIL", ..., "no data"
---@field addresses string[]
---@field ttl integer           s, the smallest of the addresses
---@field strangers string[]    owners of records that have nothing to do with the question

--- Reads the answer to a query. Raises when it is malformed, or answers another question.
---@param s string  at least HEAD bytes
---@param name string
---@param qtype integer
---@return skynet.dns.answer
function message.read_answer(s, name, qtype)
	local flags, code = s:byte(3), s:byte(4) % 16
	local answer = { addresses = {}, ttl = 0, strangers = {} }
	local questions = read_u16(s, 5)
	-- A server that cannot read or will not take a query may leave the question out of its refusal.
	if questions == 0 and code ~= 0 then
		answer.code = CODES[code] or "code " .. code
		return answer
	end
	if questions ~= 1 then error "not one question" end
	local asked, at = read_name(s, HEAD + 1)
	if asked ~= name or read_u16(s, at) ~= qtype or read_u16(s, at + 2) ~= CLASS_IN then
		error("the question is another one: " .. asked)
	end
	if math.floor(flags / 2) % 2 == 1 then
		answer.truncated = true
		return answer
	end
	if code ~= 0 then
		answer.code = CODES[code] or "code " .. code
		return answer
	end
	local records = read_records(s, at + 4, read_u16(s, 7), qtype)
	local names, ttl = names_of(name, records), nil
	for _, r in ipairs(records) do
		if not names[r.owner] then
			table.insert(answer.strangers, r.owner)
		elseif r.address then
			table.insert(answer.addresses, r.address)
			ttl = math.min(ttl or r.ttl, r.ttl)
		end
	end
	answer.ttl = ttl or 0
	if not ttl then answer.code = CODES[0] end
	return answer
end

return message
