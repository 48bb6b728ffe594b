---@meta ltls.c
--- TLS over memory, on OpenSSL: the caller carries the bytes. `http.tlshelper` does so for sockets.
--- The config must say `enablessl = true`, else the require raises.
---
---     local ctx = tls.newctx { verify = true }                  -- a client that verifies the server
---     local session = tls.newtls("client", ctx, "example.org")
---
--- Errors are `<function of OpenSSL> error:<n> ...` with OpenSSL's own text in brackets. After an error
--- `session:write()` gives the alert for the peer, if there is one.
local ltls = {}

---@class ltls.options
---@field verify? boolean    peers must prove who they are; by default, as in skynet, nobody has to
---@field cafile? string     PEM file of the roots to trust
---@field capath? string     folder of them, named by hash; without both the system's roots
---@field alpn? string[]     application protocols, the preferred one first

--- Certificates and settings for sessions.
---@param options? ltls.options
---@return ltls.context
function ltls.newctx(options) end

--- A session. A client asks the server for `hostname`; when it verifies, the certificate must be for that name or
--- address (without a hostname only the chain of certificates is checked).
---@param method "client"|"server"
---@param ctx ltls.context
---@param hostname? string
---@return ltls.session
function ltls.newtls(method, ctx, hostname) end

---@class ltls.context
local context = {}

--- The certificate to show, with the chain behind it, and its private key: PEM files.
---@param certfile string
---@param keyfile string
function context:set_cert(certfile, keyfile) end

--- Names of OpenSSL's cipher list and of TLS 1.3 suites, joined by ":".
---@param list string
function context:set_ciphers(list) end

--- Whether peers must prove who they are: a server by a certificate for the session's hostname, a client by any
--- certificate that leads to a trusted root.
---@param verify boolean
---@param cafile? string
---@param capath? string
function context:set_verify(verify, cafile, capath) end

--- Application protocols, the preferred one first. A server refuses clients that offer none of them.
---@param protocols string[]
function context:set_alpn(protocols) end

--- Clients that ask for `name` get the certificate and protocols of `other`.
---@param name string  `*.example.org` is any one label before `.example.org`
---@param other ltls.context
function context:add_name(name, other) end

---@class ltls.session
local session = {}

--- Goes on with the handshake. A client starts it without bytes. Raises when it is finished already.
---@param bytes? string  what came from the peer
---@return string? bytes  to be sent
function session:handshake(bytes) end

---@return boolean
function session:finished() end

--- Encrypts. Without an argument: what else is to be sent (a server's last flight, an alert).
---@param plain? string
---@return string bytes  to be sent
function session:write(plain) end

--- Decrypts. Without an argument: what is there already, such as bytes that came with the end of the handshake.
---@param bytes? string  what came from the peer
---@return string plain  "" when no whole record is there
function session:read(bytes) end

--- Whether the peer has said that no more bytes come. When the stream ends without it, it was cut.
---@return boolean
function session:ended() end

--- Says so to the peer; send this before closing the socket. Nothing can be written afterwards.
---@return string bytes  to be sent
function session:shutdown() end

--- The name to ask the server for, before the handshake.
---@param name string
---@return integer one
function session:set_ext_host_name(name) end

--- The application protocol that both agreed on.
---@return string? protocol
function session:alpn() end

--- The name that the client asked for.
---@return string? name
function session:server_name() end

---@return string version  such as "TLSv1.3"
function session:version() end

--- Frees the session. May be repeated; every other call afterwards raises `context is closed`.
function session:close() end

return ltls
