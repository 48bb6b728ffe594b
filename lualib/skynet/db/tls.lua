--- TLS for the links of socketchannels: what a database driver gives as `handshake`, or does when the protocol lets
--- it begin.
local socket = require "skynet.socket"
local socketchannel = require "skynet.socketchannel"

local tls = {}

---@class skynet.db.tls.conf
---@field ca_file? string      PEM: whom to trust; the system's roots when absent
---@field cert_file? string    PEM: the certificate that this client shows
---@field key_file? string     PEM: its private key; in cert_file when absent
---@field allow_invalid_certificates? boolean
---@field allow_invalid_hostnames? boolean

--- Reads the files: make one for a client and keep it. Raises what is wrong with them; and that the config has no
--- `enablessl = true`.
---@param conf skynet.db.tls.conf
---@return any context
function tls.context(conf)
	local tlshelper = require "http.tlshelper"
	local context = tlshelper.newctx { verify = not conf.allow_invalid_certificates, cafile = conf.ca_file }
	if conf.cert_file then context:set_cert(conf.cert_file, conf.key_file or conf.cert_file) end
	return context
end

-- The end of the stream is the channel's own error.
local function reader(read, stream_end)
	return function(_, n)
		local ok, bytes = pcall(read, n)
		if ok then return bytes end
		if bytes == stream_end then error(socketchannel.error) end
		error(bytes, 0)
	end
end

--- Shakes hands as a client; from then on what the link reads and sends goes through TLS. Raises
--- socketchannel.error when the connection ends, and OpenSSL's reason when the server is not who it should be.
---@async
---@param link skynet.socketchannel.link
---@param context any
---@param conf skynet.db.tls.conf
function tls.secure(link, context, conf)
	local tlshelper = require "http.tlshelper"
	local stream_end = require "http.sockethelper".socket_error
	local id = link[1]
	local verified_name = not conf.allow_invalid_hostnames and link.host or nil
	local session = tlshelper.newtls("client", context, verified_name)
	-- An address is no name to ask for.
	local name = link.host:find "^[%d.]+$" == nil and not link.host:find(":", 1, true) and link.host or nil
	local ok, err = pcall(tlshelper.init_requestfunc(id, session), not verified_name and name or nil)
	if not ok then error(err == stream_end and socketchannel.error or err, 0) end
	link.read = reader(tlshelper.readfunc(id, session), stream_end)
	function link.write(_, data)
		if type(data) == "table" then data = table.concat(data) end
		return socket.write(id, session:write(data))
	end
end

return tls
