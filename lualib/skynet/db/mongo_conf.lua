--- What mongo.client takes, checked: a mistake is an error that names the field, not a connection that behaves oddly.
local compression_names = { snappy = true, zlib = true, zstd = true }
local modes = { primary = true, primaryPreferred = true, secondary = true, secondaryPreferred = true, nearest = true }
local auth_methods = { scram_sha1 = true, scram_sha256 = true, mongodb_cr = true, negotiate = true }

local DEFAULT_PORT = 27017

local conf = {}

local function refuse(text, ...)
	error("mongo: " .. string.format(text, ...), 0)
end

-- Members say how far behind they are once in ten seconds.
local LEAST_STALENESS = 90

--- A readPreference: a mode, or { mode =, tags = { { key = value }, ... }, max_staleness = }. → a table of that kind, or
--- nil for "primary"
---@param preference string|table
---@return table?
function conf.preference(preference)
	if type(preference) == "string" then preference = { mode = preference } end
	if type(preference) ~= "table" or not modes[preference.mode] then
		refuse("not a readPreference: %s", tostring(type(preference) == "table" and preference.mode or preference))
	end
	if preference.tags and type(preference.tags) ~= "table" then refuse "tags of a readPreference are a list of tables" end
	local staleness = preference.max_staleness
	if staleness ~= nil and (type(staleness) ~= "number" or staleness < LEAST_STALENESS) then
		refuse("max_staleness is not a number of %d seconds or more: %s", LEAST_STALENESS, tostring(staleness))
	end
	if preference.mode == "primary" then
		if staleness then refuse "the readPreference primary has no max_staleness" end
		if preference.tags and next(preference.tags) then refuse "the readPreference primary has no tags" end
		return nil
	end
	return {
		mode = preference.mode,
		tags = preference.tags and next(preference.tags) and preference.tags or nil,
		max_staleness = staleness,
	}
end

local function compressors(names)
	if names == nil then return nil end
	local list = {}
	if type(names) == "string" then
		for name in names:gmatch "[^,]+" do list[#list + 1] = name end
	else
		for i, name in ipairs(names) do list[i] = name end
	end
	for _, name in ipairs(list) do
		if not compression_names[name] then refuse("not a compressor: %s", tostring(name)) end
	end
	return list[1] and list or nil
end

local function seconds(value, name)
	if value == nil or value == false then return false end
	if type(value) ~= "number" or not (value > 0 and value < 1e6) then refuse("%s is not a number of seconds: %s", name, tostring(value)) end
	return value
end

local function level(value)
	if value == nil then return -1 end
	if type(value) ~= "number" or value % 1 ~= 0 or value < -1 or value > 9 then
		refuse("zlib_level is not a number from -1 to 9: %s", tostring(value))
	end
	return value
end

local function method(name)
	-- "Invalid authmod" is what programs look for
	if name ~= nil and not auth_methods[name] then refuse("Invalid authmod: %s", tostring(name)) end
	return name
end

local function table_or_nil(value, name)
	if value ~= nil and type(value) ~= "table" then refuse("%s is not a table: %s", name, tostring(value)) end
	return value
end

---@class skynet.db.mongo.options
---@field host string           the first address
---@field port integer
---@field addresses table[]?    { host =, port = } of all, when there was a list
---@field username? string
---@field password? string
---@field authdb string
---@field authmod? string       nil: SCRAM-SHA-1, and SCRAM-SHA-256 for a user that only has that
---@field overload? function
---@field timeout number|false  seconds
---@field connect_timeout number|false
---@field selection_timeout number|false
---@field compressors? string[]
---@field zlib_level integer
---@field tls? table
---@field preference? table     nil: the primary
---@field write_concern? table
---@field read_concern? table
---@field retry_reads boolean
---@field retry_writes boolean
---@field replica_set? string
---@field direct boolean
---@field inside boolean        the document store of this node, without a socket

--- Raises what is wrong.
---@param given table  as mongo.client takes it
---@return skynet.db.mongo.options
function conf.check(given)
	local first, addresses = given, nil
	if given.docstore then
		first = { host = "docstore", port = 0 }
	elseif given.rs then
		first, addresses = given.rs[1] or refuse "rs: an empty list", {}
		for i, member in ipairs(given.rs) do
			if type(member.host) ~= "string" then refuse("rs: there is no host in entry %d", i) end
			addresses[i] = { host = member.host, port = member.port or DEFAULT_PORT }
		end
	end
	if type(first.host) ~= "string" then refuse "there is no host" end
	local tls = given.tls or nil
	if tls == true then tls = {} end
	if tls and type(tls) ~= "table" then refuse("tls is true or a table, not %s", tostring(tls)) end
	return {
		host = first.host,
		port = first.port or DEFAULT_PORT,
		addresses = addresses,
		username = first.username,
		password = first.password,
		authdb = first.authdb or "admin",
		authmod = method(first.authmod),
		overload = given.overload,
		timeout = seconds(given.timeout, "timeout"),
		connect_timeout = seconds(given.connect_timeout, "connect_timeout") or seconds(given.timeout, "timeout"),
		selection_timeout = seconds(given.selection_timeout, "selection_timeout"),
		compressors = compressors(given.compressors),
		zlib_level = level(given.zlib_level),
		tls = tls,
		preference = given.read_preference and conf.preference(given.read_preference) or nil,
		write_concern = table_or_nil(given.write_concern, "write_concern"),
		read_concern = table_or_nil(given.read_concern, "read_concern"),
		retry_reads = given.retry_reads and true or false,
		retry_writes = given.retry_writes and true or false,
		replica_set = given.replica_set,
		direct = given.direct and true or false,
		inside = given.docstore and true or false,
	}
end

return conf
