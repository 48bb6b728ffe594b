--- Connection strings: mongodb://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT] ...][/DATABASE][?OPTION=VALUE[&...]]
local uri = {}

local MECHANISMS = { ["SCRAM-SHA-1"] = "scram_sha1", ["MONGODB-CR"] = "mongodb_cr" }

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

local options = {}

function options.authSource(conf, value) conf.authdb = value end

function options.authMechanism(conf, value)
	conf.authmod = MECHANISMS[value] or error("mongo: an authMechanism that is not known: " .. value, 0)
end

-- The members tell who is the primary: the name of their set is not needed.
function options.replicaSet() end

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
	local first = conf.rs[1]
	first.username, first.password, first.authdb, first.authmod = conf.username, conf.password, conf.authdb, conf.authmod
	return conf
end

return uri
