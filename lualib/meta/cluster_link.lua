---@meta skynet.cluster.link
--- The links of clustersender and clusteragent, and the table of "@name"s, which the whole process shares.
local link = {}

---@class skynet.cluster.client: userdata
local client = {}

--- Where the node is. Another address than before ends the connection, and makes a new one.
---@param host string
---@param port integer
function client:address(host, port) end

--- Requests fail from now on until there is an address.
---@param why string
function client:down(why) end

--- Requests wait for an address, if they have failed so far.
function client:unknown() end

---@return table<string, string|number>
function client:status() end

---@class skynet.cluster.server: userdata
local server = {}

---@return table<string, string|number>
function server:status() end

--- Requests that come from now on are answered with an error: they were not delivered.
function server:refuse() end

--- A link to another node. It takes the messages of this service that are ("req" | "push", address, message, size[, ticks]),
--- and all that comes from its socket.
---@param node string
---@param dead_after integer  seconds; 0: as the system has it
---@param timeout integer  1/100 s; 0: none
---@param unfinished integer  MB
---@param compress integer  bytes from which payloads are compressed, if the other node agrees; 0: never
---@return skynet.cluster.client
function link.client(node, dead_after, timeout, unfinished, compress) end

--- The link behind an accepted socket. When it ends, this service gets the message "closed".
---@param socket integer
---@param peer string  its address
---@param dead_after integer
---@param unfinished integer
---@param compress integer
---@return skynet.cluster.server
function link.server(socket, peer, dead_after, unfinished, compress) end

--- All connections that are made from now on go through TLS.
---@param credentials skynet.cluster.credentials
function link.secure(credentials) end

--- False when the name is in use; else true, and the name that the service had before.
---@param name string
---@param handle integer
---@return boolean done
---@return string? dropped
function link.register(name, handle) end

---@param name string
---@return integer? handle  that had it
function link.unregister(name) end

---@param name string
---@return integer? handle
function link.find(name) end

--- Whether there is such a service: senders and proxies may have been killed.
---@param handle integer
---@return boolean
function link.lives(handle) end

return link
