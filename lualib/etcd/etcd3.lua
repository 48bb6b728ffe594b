--- A client of etcd 3.4 or later, over its JSON gateway (paths `/v3/...`). Values are any that JSON can say.
---
---     local client = assert(etcd.new { http_host = "http://127.0.0.1:2379", key_prefix = "/game/" })
---     client:set("motd", { text = "hello" })
---     client:get("motd").body.kvs[1].value.text   --> "hello"
---
--- Methods give what etcd answered, { status =, headers =, body = <decoded> }, or nil and an error. 64-bit
--- numbers in bodies are strings; fields with default values (0, false, "") are absent. All methods block.
local auth = require "etcd.auth"
local decode = require "etcd.decode"
local hosts = require "etcd.hosts"
local watch = require "etcd.watch"
local crypt = require "skynet.crypt"
local httpc = require "http.httpc"
local driver = require "skynet.socketdriver"
local json = require "cjson.safe"
local log = require "log"

local API = "/v3"
local DEFAULT_TIMEOUT = 5 -- seconds
local DEAD_AFTER = 30     -- seconds

---@class etcd.client
---@field private hosts etcd.hosts
---@field private auth etcd.auth
---@field private prefix string
---@field private timeout number  seconds
---@field private dead_after integer  seconds
---@field private quiet boolean
local client = {}
client.__index = client

---@class etcd.config
---@field http_host string|string[]  like "http://127.0.0.1:2379"
---@field user? string
---@field password? string
---@field key_prefix? string  put before every key, but for watches
---@field timeout? number  seconds that a request may take, and a watch until it begins; 5 by default
---@field dead_after? integer  seconds after which a watch ends whose host does not answer any more; 30 by default
---@field quiet? boolean  failures are told to the caller, not logged as well
---@field ttl? integer  taken for compatibility; has no effect

--- A client. Nothing is connected yet.
---@param config etcd.config
---@return etcd.client?
---@return string? err
function client.new(config)
	local servers, err = hosts.new(config.http_host, config.quiet)
	if not servers then return nil, err end
	return setmetatable({
		hosts = servers,
		auth = auth.new(config.user, config.password),
		prefix = config.key_prefix or "",
		timeout = config.timeout or DEFAULT_TIMEOUT,
		dead_after = config.dead_after or DEAD_AFTER,
		quiet = config.quiet or false,
	}, client)
end

-- ---- requests ---------------------------------------------------------------------------------

local function header_of(token)
	return { ["Content-Type"] = "application/json", Authorization = token }
end

-- Sends to one server after the other until one can be reached: what was never sent may go to another one.
local function send(self, path, token, text, timeout, headers)
	local tried = {}
	while true do
		local host = self.hosts:choose()
		local ok, status, body = pcall(httpc.request, "POST", host, API .. path, headers, header_of(token), text,
			math.floor((timeout or self.timeout) * 100))
		if ok then return host, status, body end
		self.hosts:report_failure(host)
		if not self.quiet then log.error("_post failed. url:", host .. API .. path, "err:", status) end
		tried[host] = true
		if not tostring(status):find("connect failed", 1, true) or tried[self.hosts:peek()] then return nil, status end
	end
end

local function post_with(self, path, body, token, timeout)
	local headers = {}
	local host, status, text = send(self, path, token, json.encode(body), timeout, headers)
	if not host then return nil, status end
	if status >= 500 then
		self.hosts:report_failure(host)
		if not self.quiet then log.error("_post failed. url:", host .. API .. path, "status:", status, text) end
		return nil, "invalid response code: " .. status
	end
	if status == 401 then
		self.auth:drop()
		return nil, "insufficient credentials code: 401"
	end
	local decoded = decode.object(text)
	if not decoded then return nil, "decode json failed" end
	return { status = status, headers = headers, body = decoded }
end

local function token_of(self)
	return self.auth:get(function(path, body) return post_with(self, path, body) end)
end

local function post(self, path, body, timeout)
	local ok, token = token_of(self)
	if not ok then return nil, "authenticate refresh token fail" end
	return post_with(self, path, body, token, timeout)
end

-- ---- keys and values --------------------------------------------------------------------------

local encode64 = crypt.base64encode

-- The whole key.
local function full_key(self, key)
	if type(key) ~= "string" then return nil, "key must be string" end
	key = self.prefix .. key
	if key == "" then return nil, "key should not be empty" end
	return key
end

-- The first key behind all those that begin with a prefix.
local function range_end(prefix)
	local head = prefix:match "^(.*[^\255])\255*$"
	if not head then return "\0" end -- to the last key of all
	return head:sub(1, -2) .. string.char(head:byte(-1) + 1)
end

local function encode_value(value)
	local text, err = json.encode(value)
	if not text then return nil, err end
	return encode64(text)
end

local function decode_pairs(result, err)
	if not result then return nil, err end
	if not decode.pairs(result.body, "kvs") then return nil, "malformed answer: kvs" end
	return result
end

-- ---- one key ----------------------------------------------------------------------------------

---@class etcd.set_options
---@field lease? string  id of a lease: the key goes with it
---@field prev_kv? boolean  the answer has the pair before in body.prev_kv, still in base64
---@field ignore_value? boolean  keeps the value that is there
---@field ignore_lease? boolean  keeps the lease that is there

---@async
---@param key string
---@param value any
---@param options? etcd.set_options
function client:set(key, value, options)
	options = options or {}
	local name, err = full_key(self, key)
	if not name then return nil, err end
	local text
	if not options.ignore_value then
		text, err = encode_value(value)
		if not text then return nil, err end
	end
	return post(self, "/kv/put", {
		key = encode64(name),
		value = text,
		lease = options.lease,
		prev_kv = options.prev_kv,
		ignore_value = options.ignore_value,
		ignore_lease = options.ignore_lease,
	})
end

--- body.kvs[1] is the pair; no kvs: there is none.
---@async
---@param key string
---@param options? { timeout?: number, revision?: string }  timeout in seconds
function client:get(key, options)
	options = options or {}
	local name, err = full_key(self, key)
	if not name then return nil, err end
	return decode_pairs(post(self, "/kv/range", { key = encode64(name), revision = options.revision }, options.timeout))
end

--- body.deleted is "1", or absent when there was nothing.
---@async
---@param key string
---@param options? { prev_kv?: boolean }
function client:delete(key, options)
	local name, err = full_key(self, key)
	if not name then return nil, err end
	return post(self, "/kv/deleterange", { key = encode64(name), prev_kv = options and options.prev_kv })
end

-- ---- all keys that begin with a prefix --------------------------------------------------------

---@class etcd.readdir_options
---@field revision? string
---@field limit? integer
---@field sort_order? "NONE"|"ASCEND"|"DESCEND"
---@field sort_target? "KEY"|"VERSION"|"CREATE"|"MOD"|"VALUE"
---@field keys_only? boolean
---@field count_only? boolean

--- body.count is how many there are, body.kvs[i] the pairs.
---@async
---@param prefix string
---@param options? etcd.readdir_options
function client:readdir(prefix, options)
	options = options or {}
	local name, err = full_key(self, prefix)
	if not name then return nil, err end
	return decode_pairs(post(self, "/kv/range", {
		key = encode64(name),
		range_end = encode64(range_end(name)),
		revision = options.revision,
		limit = options.limit,
		sort_order = options.sort_order,
		sort_target = options.sort_target,
		keys_only = options.keys_only,
		count_only = options.count_only,
	}))
end

--- body.deleted says how many.
---@async
---@param prefix string
---@param options? { prev_kv?: boolean }
function client:rmdir(prefix, options)
	local name, err = full_key(self, prefix)
	if not name then return nil, err end
	return post(self, "/kv/deleterange", {
		key = encode64(name),
		range_end = encode64(range_end(name)),
		prev_kv = options and options.prev_kv,
	})
end

-- ---- transactions -----------------------------------------------------------------------------

local function encode_compare(self, compare)
	local encoded = {}
	for i, c in ipairs(compare) do
		local copy = {}
		for k, v in pairs(c) do
			copy[k] = v
		end
		local name, err = full_key(self, c.key)
		if not name then return nil, err end
		copy.key = encode64(name)
		if c.value ~= nil then
			copy.value, err = encode_value(c.value)
			if not copy.value then return nil, err end
		end
		encoded[i] = copy
	end
	return encoded
end

local function encode_branch(self, operations)
	if not operations or #operations == 0 then return nil end
	local encoded = {}
	for i, operation in ipairs(operations) do
		encoded[i] = operation
		if operation.requestPut then
			local put, err = encode_compare(self, { operation.requestPut })
			if not put then return nil, err end
			encoded[i] = { requestPut = put[1] }
		end
	end
	return encoded
end

--- Does one of two things, as the comparisons say. Keys and values of `compare` and of `requestPut` are given plain.
---@async
---@param compare table[]  { key =, target = "VALUE"|"MOD"|"CREATE"|"VERSION", result =, value|modRevision|... = }
---@param success? table[]  operations when all hold, { requestPut = { key =, value = } } for instance
---@param failure? table[]  operations when one does not
function client:txn(compare, success, failure)
	if not compare or #compare == 0 then return nil, "compare couldn't be empty" end
	if (not success or #success == 0) and (not failure or #failure == 0) then
		return nil, "success and failure couldn't be empty at the same time"
	end
	local body, err = {}, nil
	body.compare, err = encode_compare(self, compare)
	if err then return nil, err end
	body.success, err = encode_branch(self, success)
	if err then return nil, err end
	body.failure, err = encode_branch(self, failure)
	if err then return nil, err end
	return post(self, "/kv/txn", body)
end

local function is_absent(key)
	return { { key = key, target = "CREATE", createRevision = 0 } }
end

--- Writes a key that is not there yet. Done: body.succeeded.
---@async
---@param key string
---@param value any
---@param options? { lease?: string }
function client:setnx(key, value, options)
	return self:txn(is_absent(key), { { requestPut = { key = key, value = value, lease = options and options.lease } } })
end

--- Writes a key that is there already. Done: body.succeeded is absent.
---@async
---@param key string
---@param value any
function client:setx(key, value)
	return self:txn(is_absent(key), nil, { { requestPut = { key = key, value = value } } })
end

--- Writes a key that nobody has written since a revision. Done: body.succeeded.
---@async
---@param key string
---@param value any
---@param options { mod_revision: string, lease?: string }
function client:mod(key, value, options)
	local unchanged = { { key = key, target = "MOD", modRevision = options and options.mod_revision } }
	return self:txn(unchanged, { { requestPut = { key = key, value = value, lease = options and options.lease } } })
end

-- ---- leases -----------------------------------------------------------------------------------

--- A lease: keys written with it go when it ends. Its id is body.ID, a string.
---@async
---@param ttl integer  seconds
---@param id? string
function client:grant(ttl, id)
	if ttl == nil then return nil, "lease grant command needs TTL argument" end
	if type(ttl) ~= "number" then return nil, "ttl must be integer" end
	return post(self, "/lease/grant", { TTL = math.floor(ttl), ID = id or 0 })
end

--- Ends a lease. An unknown one: status 404.
---@async
---@param id string
function client:revoke(id)
	if id == nil then return nil, "lease revoke command needs ID argument" end
	return post(self, "/kv/lease/revoke", { ID = id })
end

--- Has a lease begin again; body.result has its ID and TTL.
---@async
---@param id string
function client:keepalive(id)
	if id == nil then return nil, "lease keepalive command needs ID argument" end
	return post(self, "/lease/keepalive", { ID = id })
end

--- The time that a lease has left: body.TTL, "-1" when it has ended; of body.grantedTTL.
---@async
---@param id string
---@param keys? boolean  body.keys are the keys that go with it
function client:timetolive(id, keys)
	if id == nil then return nil, "lease timetolive command needs ID argument" end
	local result, err = post(self, "/kv/lease/timetolive", { ID = id, keys = keys })
	if not result then return nil, err end
	if not decode.keys(result.body, "keys") then return nil, "malformed answer: keys" end
	return result
end

--- All leases: body.leases[i].ID.
---@async
function client:leases()
	return post(self, "/lease/leases", {})
end

-- ---- watches ----------------------------------------------------------------------------------

---@class etcd.watch_options
---@field start_revision? string  from then on; from now on by default
---@field prev_kv? boolean  events have the pair before as well
---@field progress_notify? boolean
---@field filters? string[]  "NOPUT", "NODELETE"
---@field watch_id? integer
---@field fragment? boolean

local function open_watch(self, key, last, options)
	if type(key) ~= "string" then return nil, "key must be string" end
	if key == "" then return nil, "key should not be empty" end
	options = options or {}
	local ok, token = token_of(self)
	if not ok then return nil, "authenticate refresh token fail" end
	local host = self.hosts:choose()
	local body = json.encode {
		create_request = {
			key = encode64(key),
			range_end = last and encode64(last),
			start_revision = options.start_revision,
			prev_kv = options.prev_kv,
			progress_notify = options.progress_notify,
			filters = options.filters,
			watch_id = options.watch_id,
			fragment = options.fragment,
		},
	}
	local opened, stream = pcall(httpc.request_stream, "POST", host, API .. "/watch", nil, header_of(token), body,
		math.floor(self.timeout * 100))
	if not opened then
		self.hosts:report_failure(host)
		return nil, stream
	end
	if stream.status ~= 200 then
		stream:close()
		if stream.status == 401 then self.auth:drop() end
		if stream.status >= 500 then self.hosts:report_failure(host) end
		return nil, "invalid response code: " .. stream.status
	end
	-- Nothing is sent on it: a host that has vanished would never be missed.
	driver.dead_after(stream.id, self.dead_after)
	local w = watch.new(stream, function(broken)
		self.auth:drop()
		if broken then self.hosts:report_failure(host) end
	end)
	return w, nil, nil, w -- a `for` of Lua 5.4 closes the last one when it is left
end

--- Watches one key. The key is taken as it is, without the prefix.
---@async
---@param key string
---@param options? etcd.watch_options
---@return etcd.watch?
---@return any err
function client:watch(key, options)
	return open_watch(self, key, nil, options)
end

--- Watches all keys that begin with a prefix. It is taken as it is, without `key_prefix`.
---@async
---@param prefix string
---@param options? etcd.watch_options
---@return etcd.watch?
---@return any err
function client:watchdir(prefix, options)
	return open_watch(self, prefix, type(prefix) == "string" and range_end(prefix) or nil, options)
end

return client
