--- The node's configuration as values: `skynet.getenv` only knows text.
local skynet = require "skynet"

local config = {}

local values = {} -- key -> value, for every key that had one when it was asked for
local tables = {} -- key -> what the text of that key evaluates to

-- LuaJIT's tonumber also takes "inf", "nan" and "0b11"; those are words, not numbers, to a config file.
local function to_number(text)
	return text:find "%d" and not text:find "^%s*[-+]?0[bB]" and tonumber(text)
end

--- The value of a config key: a number or a boolean where the text says one, else the text.
--- What was found once stays, also after a later change; what was missing is looked for again.
---@param key string
---@return string|number|boolean|nil value
function config.get(key)
	local value = values[key]
	if value ~= nil then return value end
	local text = skynet.getenv(key)
	if text == nil then return nil end
	if text == "true" then
		value = true
	elseif text == "false" then
		value = false
	else
		value = to_number(text) or text
	end
	values[key] = value
	return value
end

--- The value of a key whose text is a Lua expression, a table constructor in general. It is evaluated
--- once: every call gives the same table. Numbers and booleans are given as `get` gives them.
--- Raises when the text is no expression.
---@param key string
---@return any value
function config.get_tbl(key)
	if tables[key] ~= nil then return tables[key] end
	local value = config.get(key)
	if type(value) ~= "string" then return value end
	local chunk, message = load("return " .. value, "=config " .. key, "t")
	if not chunk then error("config.get_tbl: " .. message, 2) end
	tables[key] = chunk()
	return tables[key]
end

--- The address of the database that `db_ip`, `db_port`, `db_user`, `db_pwd` and `db_auth` describe, in the
--- form that the MongoDB driver takes. User, password and `authdb` are there only when both
--- `db_user` and `db_pwd` are set.
---@return table conf  host, port [, username, password, authdb]
function config.get_db_conf()
	local conf = { host = config.get "db_ip", port = config.get "db_port" }
	local user, password = config.get "db_user", config.get "db_pwd"
	if user and password then
		conf.username = user
		conf.password = password
		conf.authdb = config.get "db_auth"
	end
	return conf
end

--- Where the database is, in the form that the MongoDB driver takes: what `mongo` says (a connection string); else
--- `given`; else this node's own document store, if it has one.
---@param given? table  the settings of the application, when it has some
---@return string|table|nil conf
function config.get_mongo(given)
	local server = config.get "mongo"
	if server then return server end
	if given then return given end
	return (skynet.getenv "docstore" or "") ~= "" and { docstore = true } or nil
end

return config
