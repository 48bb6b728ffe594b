---@meta skynet.docstore.core
--- The document store of the service docstore.
local core = {}

---@class skynet.docstore.server: userdata
local server = {}

--- Serves an accepted socket: frames that come from it are answered. It sees the socket's messages from now on.
---@param socket integer
---@param address string  of the peer, for the log and `whatsmyuri`
function server:accept(socket, address) end

--- How many sockets are served.
---@return integer
function server:connections() end

--- Opens the file, which no other process may have open, and takes the messages of this service that ask it (type 208).
--- The store ends with the server, when it is collected; what waits is answered first.
---@param file string  or ":memory:"
---@param synchronous string  FULL, NORMAL, OFF, EXTRA: SQLite's
---@param user string  "" for none
---@param password string
---@return skynet.docstore.server?
---@return string? wrong
function core.open(file, synchronous, user, password) end

return core
