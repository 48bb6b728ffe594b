--- The embedded document store: MongoDB's wire protocol over one SQLite file. bootstrap starts it when the config has
--- `docstore`. Told in docs/docstore.md.
---
--- Config: `docstore`, the file or ":memory:"; `docstore_listen`, "host:port" or "" for nowhere; `docstore_synchronous`;
--- `docstore_user` and `docstore_password`, without which nobody has to log in.
---
--- The store answers frames of sockets, and messages of the protocol "docstore" (skynet.db.mongo_local), natively. Lua
--- commands: address() → the "host:port" that it listens at, or nil; connections() → how many there are.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local core = require "skynet.docstore.core"

local DEFAULT_LISTEN = "127.0.0.1:27017"

local server
local address -- where it listens

local function listen(where)
	local host, port = where:match "^%[(.-)%]:(%d+)$"
	if not host then host, port = where:match "^(.-):(%d+)$" end
	port = tonumber(port)
	if not port or port > 65535 then error("docstore_listen is no address with a port: " .. where, 0) end
	-- In use, in general: by a MongoDB, or by another node. The store serves its own node all the same.
	local ok, id, bound_host, bound_port = pcall(socket.listen, host, port)
	if not ok then
		return skynet.error(string.format("docstore: cannot listen at %s: %s", where, tostring(id)))
	end
	socket.start(id, function(fd, peer) server:accept(fd, peer) end)
	address = string.format("%s:%d", bound_host or host, bound_port or port)
	skynet.error("docstore: listens at " .. address)
	if not address:find "^127%." and not address:find "^%[?::1" and not skynet.getenv "docstore_user" then
		skynet.error "docstore: everybody who reaches that address may read and write: there is no docstore_user"
	end
end

local command = {}

function command.address() return address end

function command.connections() return server:connections() end

skynet.start(function()
	local file = assert(skynet.getenv "docstore", "the config has no docstore")
	local wrong
	server, wrong = core.open(file, skynet.getenv "docstore_synchronous" or "FULL", skynet.getenv "docstore_user" or "",
		skynet.getenv "docstore_password" or "")
	if not server then error(string.format("docstore: cannot open %s: %s", file, wrong), 0) end
	skynet.dispatch("lua", function(session, _, name, ...)
		local f = command[name] or error("docstore: unknown command " .. tostring(name))
		local result = f(...)
		if session ~= 0 then skynet.retpack(result) end
	end)
	skynet.register ".docstore"
	local where = skynet.getenv "docstore_listen" or DEFAULT_LISTEN
	if where ~= "" then listen(where) end
end)
