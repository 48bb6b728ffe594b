--- TLS over a link of a socketchannel: what is read and written goes through a session from then on.
local socket = require "skynet.socket"
local socketchannel = require "skynet.socketchannel"
local sockethelper = require "http.sockethelper"

local tls_link = {}

---@class skynet.db.tls_link.settings
---@field context ltls.context
---@field hostname? string  that the server's certificate must be for
---@field asked_for? string  the name of the server, where its certificate may be for another one

--- What all links of a driver share. Raises when the config lacks `enablessl = true`, and for files that cannot be
--- read.
---@param options true|{ verify?: boolean, cafile?: string, capath?: string, hostname?: string, certfile?: string, keyfile?: string }
---@param host? string  the server's, which it must prove to be when it is verified
---@return skynet.db.tls_link.settings
function tls_link.settings(options, host)
	local tlshelper = require "http.tlshelper" -- wants enablessl, so only those who ask for TLS
	if options == true then options = {} end
	local context = tlshelper.newctx { verify = options.verify, cafile = options.cafile, capath = options.capath }
	if options.certfile then context:set_cert(options.certfile, options.keyfile or options.certfile) end
	return { context = context, hostname = options.hostname or host }
end

-- f(...); the end of the stream becomes that of a channel.
local function pass(ok, ...)
	if ok then return ... end
	local err = ...
	error(err == sockethelper.socket_error and socketchannel.error or err, 0)
end

--- Makes the client's handshake. Afterwards `link.write` sends and `link:read(n)` reads. Raises socketchannel.error
--- when the connection ends, and TLS' own text.
---@async
---@param link skynet.socketchannel.link
---@param settings skynet.db.tls_link.settings
function tls_link.start(link, settings)
	local tlshelper = require "http.tlshelper"
	local id = link[1]
	local session = tlshelper.newtls("client", settings.context, settings.hostname)
	pass(pcall(tlshelper.init_requestfunc(id, session), settings.asked_for))
	local read = tlshelper.readfunc(id, session)
	link.read = function(_, n) return pass(pcall(read, n)) end
	link.write = function(_, data)
		if type(data) == "table" then data = table.concat(data) end
		local ok, records = pcall(session.write, session, data)
		return ok and socket.write(id, records)
	end
end

return tls_link
