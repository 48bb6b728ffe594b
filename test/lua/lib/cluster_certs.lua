--- Certificates for nodes that tests start, in folders of the test's own: one authority for each folder.
local skynet = require "skynet"

local certs = {}

--- Makes the certificate of a node, named by the names that it has ("peer,127.0.0.1").
---@param folder string
---@param names string
---@param days? integer  how long it is valid; negative: it has expired
---@return table<string, string> config  cluster_cert, cluster_key, cluster_ca
function certs.make(folder, names, days)
	local root = skynet.getenv "root"
	assert(os.execute(string.format("mkdir -p %s && DAYS=%d %stools/make-cluster-certs %s %s >/dev/null", folder, days or 30, root, folder, names)))
	return certs.files(folder, names:match "^[^,]+")
end

--- The config of a node whose certificate is there.
---@param config? table<string, any>  its other keys, which get these
function certs.files(folder, name, config)
	config = config or {}
	config.cluster_cert = folder .. "/" .. name .. "-cert.pem"
	config.cluster_key = folder .. "/" .. name .. "-key.pem"
	config.cluster_ca = folder .. "/ca-cert.pem"
	return config
end

return certs
