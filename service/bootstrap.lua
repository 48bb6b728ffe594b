--- The first Lua service of a node: launches the others in order and leaves.
local skynet = require "skynet"
require "skynet.manager"
local harbor = require "skynet.harbor"

-- A node without this service is of no use.
local function must(what, f, ...)
	local ok, handle = pcall(f, ...)
	if ok and handle then return handle end
	skynet.error(string.format("Can't launch %s: %s", what, tostring(handle)))
	skynet.abort()
	skynet.wait() -- the end comes while this task stands still
end

local function name_slave(service)
	skynet.name(".cslave", must(service, skynet.newservice, service))
end

local function launch_single_node()
	local standalone = skynet.getenv "standalone"
	assert(standalone == nil, "standalone is set, but harbor is 0: a single node has no master")
	skynet.setenv("standalone", "true")
	name_slave "cdummy"
end

local function launch_harbor()
	if skynet.getenv "standalone" then must("cmaster", skynet.newservice, "cmaster") end
	name_slave "cslave"
end

skynet.start(function()
	skynet.name(".launcher", must("launcher", skynet.launch, "snlua", "launcher"))
	local harbor_id = tonumber(skynet.getenv "harbor" or 0)
	if harbor_id == 0 then
		launch_single_node()
	else
		launch_harbor()
	end
	if skynet.getenv "standalone" then harbor.globalname("DATACENTER", skynet.newservice "datacenterd") end
	skynet.newservice "service_mgr"

	if skynet.getenv "enablessl" == "true" then
		require "skynet.service".new("ltls_holder", function()
			require("ltls.init.c").constructor()
		end)
	end

	local start = skynet.getenv "start" or "main"
	local ok = pcall(skynet.newservice, start)
	if not ok then skynet.error("Can't start the service " .. start .. ", the option `start`") end
	skynet.exit()
end)
