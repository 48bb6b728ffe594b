-- timeout: 120
-- Certificates that cannot be used, and those that change while a node runs.
local skynet = require "skynet"
local certs = require "cluster_certs"

for key, file in pairs(certs.make("ca", "me")) do skynet.setenv(key, file) end

local cluster = require "skynet.cluster"
local other_node = require "other_node"
local shell = require "shell"
local T = require "harness"

local port = tonumber(skynet.getenv "port") + 1

-- The exit status and the log of a node that does not start.
local function run(config)
	config.listen = port
	local command, log = other_node.command("cluster_peer", config)
	local status = shell("timeout 20 " .. command .. "; echo $?")
	local file = assert(io.open(log))
	local text = file:read "*a"
	file:close()
	return status, text
end

T.test("a node whose certificates cannot be used does not start, and says which file is wrong", function()
	certs.make("ca", "peer")
	certs.make("ca", "other")
	local file = assert(io.open("broken.pem", "w"))
	file:write "no certificate\n"
	file:close()
	local cases = {
		{ "cluster_key", "ca/absent.pem", "of ca/absent.pem .*No such file" },
		{ "cluster_cert", "ca/absent.pem", "of ca/absent.pem .*No such file" },
		{ "cluster_ca", "ca/absent.pem", "of ca/absent.pem .*No such file" },
		{ "cluster_key", "ca/other-key.pem", "of ca/other%-key.pem .*key values mismatch" },
		{ "cluster_cert", "broken.pem", "of broken.pem .*no start line" },
		{ "cluster_ca", "broken.pem", "of broken.pem .*no certificate or crl found" },
		{ "cluster_ca", "", "the config has cluster_key, but no cluster_ca" },
	}
	for _, case in ipairs(cases) do
		local config = certs.files("ca", "peer")
		config[case[1]] = case[2]
		local status, log = run(config)
		T.eq(status, "1", case[1] .. " " .. case[2])
		T.ok(log:find("Can't launch clusterd: [^\n]*" .. case[3]), log)
	end
end)

T.test("a key with a password is refused, nobody is asked for it", function()
	T.ok(os.execute "openssl pkey -in ca/peer-key.pem -aes256 -passout pass:secret -out secret.pem 2>/dev/null")
	local config = certs.files("ca", "peer")
	config.cluster_key = "secret.pem"
	local status, log = run(config)
	T.eq(status, "1")
	T.ok(log:find "of secret.pem", log)
end)

-- A caller with the certificates of the folder, all at once. What came of it.
local function result_of(folder)
	local config = certs.files(folder, "caller")
	config.target = "127.0.0.1:" .. port
	local caller = other_node.start("cluster_caller", config)
	local line = caller:await_log "result: [^\n]*"
	caller:signal "KILL"
	return line
end

local function copy(folder)
	assert(os.execute(string.format("mkdir -p used && cp %s/ca-cert.pem %s/peer-*.pem used/", folder, folder)))
end

T.test("on SIGHUP new links use the new certificates, those that stand go on", function()
	certs.make("ca", "caller")
	certs.make("new_ca", "peer")
	certs.make("new_ca", "caller")
	copy "ca"
	local config = certs.files("used", "peer")
	config.listen = port
	local peer = other_node.start("cluster_peer", config)
	cluster.reload { peer = "127.0.0.1:" .. port }
	T.eventually(function() return (pcall(cluster.call, "peer", "@peer", "echo", 1)) end, 1000)
	T.ok(result_of("ca"):find("result: true", 1, true))
	T.ok(result_of("new_ca"):find("unknown ca", 1, true) or result_of("new_ca"):find("certificate verify failed", 1, true))

	copy "new_ca"
	peer:signal "HUP"
	peer:await_log "links use TLS.*links use TLS, as CN = peer, valid until [^\n]*GMT"
	T.ok(result_of("new_ca"):find("result: true", 1, true))
	T.ok(result_of("ca"):find("certificate verify failed", 1, true))
	-- This node's own link was made before.
	T.eq(cluster.call("peer", "@peer", "echo", "still there"), "still there")

	assert(os.execute "echo nonsense >used/peer-key.pem")
	peer:signal "HUP"
	peer:await_log "error: cluster: the certificates [^\n]*used/peer%-key.pem[^\n]*; new links use those that were read before"
	T.ok(result_of("new_ca"):find("result: true", 1, true))
	T.eq(cluster.call("peer", "@peer", "echo", "and still"), "and still")
	peer:signal "KILL"
end)

T.run(6000)
