--- The first Lua service of a node: launches the others in order and leaves.
local skynet = require "skynet"
require "skynet.manager"
local core = require "skynet.core"
local harbor = require "skynet.harbor"

-- From the failure of the start service to the end of the node, in 1/100 s.
local BEFORE_END = 100

-- Ends the node in order, with a status that says that it failed.
local function end_node(reason)
	skynet.error(reason)
	core.command("FAIL", reason)
	if not skynet.localname ".launcher" then skynet.abort() end
	skynet.send(".launcher", "lua", "SHUTDOWN")
	skynet.exit()
end

local function why(service)
	local ok, text = pcall(skynet.call, ".launcher", "lua", "WHY", "snlua", service)
	return ok and type(text) == "string" and ": " .. text or ""
end

-- A node without this service is of no use.
local function must(what, f, ...)
	local ok, handle = pcall(f, ...)
	if ok and handle then return handle end
	end_node(string.format("Can't launch %s%s", what, why(what)))
end

local function name_slave(service)
	skynet.name(".cslave", must(service, skynet.newservice, service))
end

local function launch_single_node()
	local standalone = skynet.getenv "standalone"
	if standalone then end_node "standalone is set, but harbor is 0: a single node has no master" end
	skynet.setenv("standalone", "true")
	name_slave "cdummy"
end

local function launch_harbor()
	if skynet.getenv "standalone" then must("cmaster", skynet.newservice, "cmaster") end
	name_slave "cslave"
end

local function boot()
	skynet.name(".launcher", must("launcher", skynet.launch, "snlua", "launcher"))
	local harbor_id = tonumber(skynet.getenv "harbor" or 0)
	if harbor_id == 0 then
		launch_single_node()
	else
		launch_harbor()
	end
	if skynet.getenv "standalone" then harbor.globalname("DATACENTER", must("datacenterd", skynet.newservice, "datacenterd")) end
	must("service_mgr", skynet.newservice, "service_mgr")

	if skynet.getenv "enablessl" == "true" then
		require "skynet.service".new("ltls_holder", function()
			require("ltls.init.c").constructor()
		end)
	end

	-- Certificates that cannot be used shall be told of now.
	if skynet.getenv "cluster_cert" or skynet.getenv "cluster_key" or skynet.getenv "cluster_ca" then
		must("clusterd", skynet.uniqueservice, "clusterd")
	end

	-- Other nodes call this one once the start service runs.
	local discovery
	if skynet.getenv "cluster_etcd" or skynet.getenv "cluster_dns" then
		discovery = must("clusterdiscovery", skynet.newservice, "clusterdiscovery")
	end

	-- Before the start service: it may want to read what it wrote.
	if (skynet.getenv "docstore" or "") ~= "" then must("docstore", skynet.newservice, "docstore") end

	local start = skynet.getenv "start" or "main"
	if not pcall(skynet.newservice, start) then
		local reason = string.format("Can't start the service %s, the option `start`%s", start, why(start))
		if skynet.getenv "keep_running" == "true" then return skynet.error(reason) end
		-- Who starts a node again whenever it ends should not do so as fast as the machine can.
		skynet.sleep(BEFORE_END)
		end_node(reason)
	end
	if discovery then skynet.call(discovery, "lua", "ready") end
end

skynet.start(function()
	local ok, err = xpcall(boot, debug.traceback)
	if not ok then end_node("Can't start the node: " .. tostring(err)) end
	skynet.exit()
end)
