--- TLS for the links between nodes: clusterd loads the certificates that the config names, at its start and again on SIGHUP.
local skynet = require "skynet"
local link = require "skynet.cluster.link"

local KEYS = { "cluster_cert", "cluster_key", "cluster_ca" }

local certificates = {}

-- The values of KEYS; nil: the config has none of them.
local function files()
	local list, there, missing = {}, nil, nil
	for i, key in ipairs(KEYS) do
		local file = skynet.getenv(key) or ""
		list[i] = file
		if file == "" then missing = key else there = key end
	end
	if not there then return nil end
	if missing then error(string.format("cluster: the config has %s, but no %s: TLS takes all three of %s", there, missing, table.concat(KEYS, ", ")), 0) end
	return list
end

--- Makes the links that come from now on use the certificates. Raises when they cannot be used: what was used before stays.
---@return boolean  false: the config has none
function certificates.load()
	local list = files()
	if not list then return false end
	local credentials, text, warning = require("skynet.cluster.tls").load(list[1], list[2], list[3], skynet.getenv "cluster_verify_name" == "true")
	if not credentials then error("cluster: the certificates (" .. table.concat(KEYS, ", ") .. ") cannot be used: " .. text, 0) end
	link.secure(credentials)
	skynet.error(string.format("cluster: links use TLS, as %s (%s)", text, list[1]))
	if warning then skynet.error(string.format("error: cluster: other nodes will refuse the certificate in %s: %s", list[1], warning)) end
	return true
end

--- The same while the node runs: an error is logged.
function certificates.reload()
	local ok, err = pcall(certificates.load)
	if not ok then skynet.error("error: " .. err .. "; new links use those that were read before") end
end

return certificates
