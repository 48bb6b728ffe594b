--- Nodes that the DNS knows: all addresses of a name, as those of a headless service of Kubernetes. A node is called by its
--- address, "10.0.0.7:2528"; its role is the first label of the name.
local skynet = require "skynet"
local dns = require "skynet.dns"

local names = {}

local LOOK = 500 -- 1/100 s

local function lookup(host, port)
	local list = {}
	local ok, err, found = pcall(dns.resolve, host)
	if not ok or not err then return nil, tostring(err) end
	for _, ip in ipairs(found or { err }) do
		local address = ip .. ":" .. port
		list[#list + 1] = { name = address, address = address, role = host:match "^[^.]+", state = "up" }
	end
	return list
end

-- A text that is another one when the nodes are other ones.
local function key_of(list)
	local addresses = {}
	for i, node in ipairs(list) do addresses[i] = node.address end
	table.sort(addresses)
	return table.concat(addresses, " ")
end

--- Looks the names up again and again. A name that cannot be looked up keeps the nodes that it had.
---@param text string  "host:port", more than one with commas
---@param found fun(list: skynet.cluster.member[], reasons: table)  called with all nodes when they have changed
function names.follow(text, found)
	local sources = {}
	for source in text:gmatch "[^%s,]+" do
		local host, port = source:match "^([^:]+):(%d+)$"
		if not host then error(string.format("the option `cluster_dns`: %q is not \"host:port\"", source), 0) end
		sources[#sources + 1] = { host = host, port = port, nodes = {} }
	end
	local last
	local function look()
		local all = {}
		for _, source in ipairs(sources) do
			local list, err = lookup(source.host, source.port)
			if list then
				source.nodes, source.failing = list, nil
			elseif not source.failing then
				source.failing = true
				skynet.error(string.format("cluster: no addresses of %s: %s", source.host, err))
			end
			for _, node in ipairs(source.nodes) do all[#all + 1] = node end
		end
		local key = key_of(all)
		if key == last then return end
		last = key
		found(all, {})
	end
	local function go_on()
		look()
		skynet.timeout(LOOK, go_on)
	end
	go_on()
end

return names
