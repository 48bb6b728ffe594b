--- What resolv.conf(5) says: the name servers, the search list, the options.
---
--- Two things are not as in that page: a server may have a port, as `[127.0.0.1]:5353` (c-ares has the same), and
--- attempts are 3 unless told otherwise, which makes the 30 s that skynet waits.
local skynet = require "skynet"
local message = require "skynet.dns.message"

local MAX_SERVERS, MAX_SEARCH = 3, 6
-- name → default and the most that counts
local NUMBERS = {
	ndots = { 1, 15 },
	timeout = { 5, 30 },
	attempts = { 3, 5 },
}
local FLAGS = { ["rotate"] = "rotate", ["use-vc"] = "tcp" }

---@class skynet.dns.settings
---@field servers { address: string, port: integer }[]
---@field search string[]
---@field ndots integer     a name with fewer dots is first looked for in the domains of `search`
---@field timeout integer   s
---@field attempts integer
---@field rotate? boolean   each query begins with another server
---@field tcp? boolean      ask over TCP only

local settings = {}

local function read_option(out, word)
	local name, value = word:match "^([%w-]+):(%d+)$"
	if NUMBERS[name] then
		out[name] = math.min(tonumber(value), NUMBERS[name][2])
	elseif FLAGS[word] then
		out[FLAGS[word]] = true
	end
end

local function read_options(out, text)
	for word in text:gmatch "%S+" do read_option(out, word) end
	out.attempts = math.max(out.attempts, 1)
	out.timeout = math.max(out.timeout, 1)
end

local function read_search(text)
	local list = {}
	for word in text:lower():gmatch "%S+" do
		word = word:gsub("%.$", "")
		if #list < MAX_SEARCH and message.legal(word) then list[#list + 1] = word end
	end
	return list
end

local function server_of(text)
	local address, port = text:match "^%[(.-)%]:(%d+)$"
	address, port = address or text, tonumber(port or 53)
	if (address:find "^%d+%.%d+%.%d+%.%d+$" or address:find "^%x*:[%x:.]*:?%x*%%?[%w.-]*$") and port <= 65535 then
		return { address = address, port = port }
	end
end

--- Reads a file of that form. Lines that cannot be understood are logged and left out.
---@param path string|false  false: defaults only
---@return skynet.dns.settings
function settings.read(path)
	local out = { servers = {}, search = {} }
	for name, limits in pairs(NUMBERS) do out[name] = limits[1] end
	local file = path and io.open(path)
	local number = 0
	for line in file and file:lines() or function() end do
		number = number + 1
		local key, rest = line:gsub("^[#;].*", ""):gsub("%s[#;].*", ""):match "^(%a+)%s+(.-)%s*$"
		if key == "nameserver" then
			local server = server_of(rest)
			if not server then
				skynet.error(string.format("dns: %s:%d: not the address of a server: %s", path, number, rest))
			elseif #out.servers < MAX_SERVERS then
				table.insert(out.servers, server)
			end
		elseif key == "search" or key == "domain" then
			out.search = read_search(rest) -- the last line of the two counts
		elseif key == "options" then
			read_options(out, rest)
		end
	end
	if file then file:close() end
	out.search = os.getenv "LOCALDOMAIN" and read_search(os.getenv "LOCALDOMAIN") or out.search
	read_options(out, os.getenv "RES_OPTIONS" or "")
	return out
end

return settings
