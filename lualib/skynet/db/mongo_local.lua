--- The way of skynet.db.mongo to the document store of this node, without a socket: it stands where a socketchannel
--- does. Told in docs/docstore.md.
local skynet = require "skynet"

local STORE = ".docstore"
local PROTOCOL, TYPE = "docstore", 208 -- lualib-src/docstore/server.h has the same number
local LENGTH_BYTES = 4                 -- of a message, which the caller does not want to see

local LOOPBACK = { ["127.0.0.1"] = true, ["localhost"] = true, ["::1"] = true }

local channel = {}
channel.__index = channel

local registered = false

local function register()
	if registered then return end
	registered = true
	skynet.register_protocol { name = PROTOCOL, id = TYPE }
end

--- What a request goes over.
function channel:link()
	if self.closed then error("mongo docstore: the client is closed", 0) end
	return self.__sock
end

function channel:ready()
	return not self.closed
end

--- Raises when there is no store in this node.
---@async
function channel:connect()
	if not skynet.localname(STORE) then error("mongo: this node has no document store: the config key docstore makes one", 0) end
	self.auth(self)
	return true
end

-- → what follows the length of the answer
local function ask(message)
	return skynet.tostring(skynet.rawcall(STORE, PROTOCOL, message)):sub(LENGTH_BYTES + 1)
end

--- Sends a message. With an id waits for the answer to it: what follows its length.
---@async
---@param message string
---@param id? integer
---@return string? rest
function channel:request(message, id)
	self:link()
	if not id then
		skynet.rawsend(STORE, PROTOCOL, message)
		return
	end
	if not self.timed then return ask(message) end
	local wait = { token = {} }
	self.waits[id] = wait
	skynet.fork(function()
		local ok, rest = pcall(ask, message)
		if wait.ended then return end
		wait.ok, wait.value, wait.ended = ok, rest, true
		skynet.wakeup(wait.token)
	end)
	if not wait.ended then skynet.wait(wait.token) end
	self.waits[id] = nil
	if not wait.ok then error(wait.value, 0) end
	return wait.value
end

--- Ends the wait for an answer: who waits raises `err`. The answer, when it comes, is dropped.
function channel:abandon(_, id, err)
	local wait = self.waits[id]
	if not wait or wait.ended then return end
	wait.ok, wait.value, wait.ended = false, err, true
	skynet.wakeup(wait.token)
end

function channel:close()
	self.closed = true
end

-- There is one server, and it stays where it is.
function channel.changehost() end
function channel.changebackup() end

local M = {}

--- Whether an address is that of this node's own store: then no socket is needed.
---@async
---@param host string
---@param port integer
---@return boolean
function M.is_own(host, port)
	if (skynet.getenv "docstore" or "") == "" or not skynet.localname(STORE) then return false end
	local ok, address = pcall(skynet.call, STORE, "lua", "address")
	local own_host, own_port = (ok and address or ""):match "^(.*):(%d+)$"
	return tonumber(own_port) == port and (host == own_host or LOOPBACK[host] == true)
end

---@param auth fun(channel: table)  called by connect()
---@param timed? boolean  abandon() is used
function M.channel(auth, timed)
	register()
	local link = { host = "docstore", port = 0 }
	return setmetatable({ __sock = link, auth = auth, timed = timed or false, waits = {}, closed = false }, channel)
end

return M
