---@meta skynet.cluster.tls
--- Certificates for the links between nodes: mutual TLS on OpenSSL, TLS 1.3 only. skynet.cluster.link uses them.
local tls = {}

---@class skynet.cluster.credentials: userdata

--- Reads the certificate of this node. On failure nil and why.
---@param certificate string  a PEM file: the certificate, the chain behind it
---@param key string  a PEM file: its private key, without a password
---@param authority string  a PEM file: the certificates that those of other nodes must lead to
---@param verify_names boolean  the certificate of a node that is called must have the node's name, or the host of its address
---@return skynet.cluster.credentials?
---@return string description  of the certificate; or the error
---@return string? warning  why other nodes will refuse it
function tls.load(certificate, key, authority, verify_names) end

return tls
