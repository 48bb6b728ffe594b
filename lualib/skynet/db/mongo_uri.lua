--- Connection strings: mongodb://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT] ...][/DATABASE][?OPTION=VALUE[&...]]
local uri = {}

local MECHANISMS = { ["SCRAM-SHA-1"] = "scram_sha1", ["SCRAM-SHA-256"] = "scram_sha256", ["MONGODB-CR"] = "mongodb_cr" }

local function plain(text)
	return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function host_and_port(text)
	local host, port = text:match "^%[([%x:.]+)%](.*)$"
	if not host then host, port = text:match "^([^:]+)(.*)$" end
	local number = host and (port == "" and 27017 or tonumber(port:match "^:(%d+)$"))
	if not number or number < 1 or number > 65535 then error("mongo: not an address in the connection string: " .. text, 0) end
	return plain(host), number
end

local function refuse(name, value)
	error(string.format("mongo: the option %s of the connection string cannot be %q", name, value), 0)
end

local function flag(name, value)
	if value ~= "true" and value ~= "false" then refuse(name, value) end
	return value == "true"
end

-- Milliseconds as seconds; 0: none.
local function duration(name, value)
	local ms = value:match "^%d+$" and tonumber(value) or refuse(name, value)
	return ms > 0 and ms / 1000 or nil
end

local options = {}

function options.authSource(conf, value) conf.authdb = value end

function options.authMechanism(conf, value)
	conf.authmod = MECHANISMS[value] or error("mongo: an authMechanism that is not known: " .. value, 0)
end

function options.replicaSet(conf, value) conf.replica_set = value end
function options.directConnection(conf, value) conf.direct = flag("directConnection", value) end
function options.compressors(conf, value) conf.compressors = value end

function options.zlibCompressionLevel(conf, value)
	conf.zlib_level = value:match "^%-?%d$" and tonumber(value) or refuse("zlibCompressionLevel", value)
end

function options.connectTimeoutMS(conf, value) conf.connect_timeout = duration("connectTimeoutMS", value) end
function options.serverSelectionTimeoutMS(conf, value) conf.selection_timeout = duration("serverSelectionTimeoutMS", value) end
function options.timeoutMS(conf, value) conf.timeout = duration("timeoutMS", value) end

local function write_concern(conf)
	if not conf.write_concern then conf.write_concern = {} end
	return conf.write_concern
end

function options.w(conf, value) write_concern(conf).w = value:match "^%d+$" and tonumber(value) or value end
function options.journal(conf, value) write_concern(conf).j = flag("journal", value) end

function options.wtimeoutMS(conf, value)
	write_concern(conf).wtimeout = value:match "^%d+$" and tonumber(value) or refuse("wtimeoutMS", value)
end

function options.retryWrites(conf, value) conf.retry_writes = flag("retryWrites", value) end

function options.retryReads(conf, value) conf.retry_reads = flag("retryReads", value) end

function options.readConcernLevel(conf, value) conf.read_concern = { level = value } end

-- What readPreference and readPreferenceTags say is put together at the end.
function options.readPreference(conf, value) conf.preference_mode = value end

function options.readPreferenceTags(conf, value)
	local tags = {}
	for pair in value:gmatch "[^,]+" do
		local key, tag = pair:match "^([^:]+):(.*)$"
		if not key then refuse("readPreferenceTags", value) end
		tags[key] = tag
	end
	conf.preference_tags = conf.preference_tags or {}
	table.insert(conf.preference_tags, tags)
end

-- -1: there is no bound.
function options.maxStalenessSeconds(conf, value)
	if value == "-1" then return end
	conf.preference_staleness = value:match "^%d+$" and tonumber(value) or refuse("maxStalenessSeconds", value)
end

-- Any of the tls options but a plain "false" asks for TLS.
local function tls(conf)
	if not conf.tls then conf.tls = {} end
	return conf.tls
end

function options.tls(conf, value)
	if flag("tls", value) then tls(conf) else conf.no_tls = true end
end

options.ssl = options.tls

function options.tlsCAFile(conf, value) tls(conf).ca_file = value end
function options.tlsCertificateKeyFile(conf, value) tls(conf).cert_file = value end

function options.tlsAllowInvalidCertificates(conf, value)
	tls(conf).allow_invalid_certificates = flag("tlsAllowInvalidCertificates", value)
end

function options.tlsAllowInvalidHostnames(conf, value)
	tls(conf).allow_invalid_hostnames = flag("tlsAllowInvalidHostnames", value)
end

function options.tlsInsecure(conf, value)
	local insecure = flag("tlsInsecure", value)
	tls(conf).allow_invalid_certificates = insecure
	tls(conf).allow_invalid_hostnames = insecure
end

local function preference(conf)
	if conf.preference_mode or conf.preference_tags or conf.preference_staleness then
		conf.read_preference = {
			mode = conf.preference_mode or "primary",
			tags = conf.preference_tags,
			max_staleness = conf.preference_staleness,
		}
	end
	conf.preference_mode, conf.preference_tags, conf.preference_staleness = nil, nil, nil
end

--- The conf of mongo.client. Raises what is wrong with the text; the password is not in it.
---@param text string
---@return table conf
function uri.parse(text)
	local rest = text:match "^mongodb://(.+)$" or error("mongo: a connection string begins with mongodb://", 0)
	local before, query = rest:match "^([^?]*)%??(.*)$"
	local place, database = before:match "^([^/]*)/?(.*)$"
	local credentials, hosts = place:match "^(.*)@([^@]*)$"
	local conf = { rs = {} }
	if credentials then
		local user, password = credentials:match "^([^:]+):([^:]*)$"
		if not user then error("mongo: not a user and a password before the @ of the connection string", 0) end
		conf.username, conf.password = plain(user), plain(password)
	end
	if database ~= "" then conf.authdb = plain(database) end
	for address in ((hosts or place) .. ","):gmatch "([^,]*)," do
		local host, port = host_and_port(address)
		conf.rs[#conf.rs + 1] = { host = host, port = port }
	end
	for pair in query:gmatch "[^&]+" do
		local name, value = pair:match "^([^=]+)=(.*)$"
		local set = options[name] or error("mongo: an option of the connection string that is not known: " .. (name or pair), 0)
		set(conf, plain(value))
	end
	preference(conf)
	if conf.no_tls and conf.tls then error("mongo: options of TLS in a connection string with tls=false", 0) end
	conf.no_tls = nil
	if conf.username then conf.authmod = conf.authmod or "negotiate" end
	local first = conf.rs[1]
	first.username, first.password, first.authdb, first.authmod = conf.username, conf.password, conf.authdb, conf.authmod
	return conf
end

return uri
