--- The servers of a cluster, taken in turn. One that has failed is left out for a while.
local skynet = require "skynet"
local log = require "log"

local REST = 1000 -- 1/100 s for which a server that failed is not asked

---@class etcd.hosts
---@field private urls string[]
---@field private current integer
---@field private quiet boolean
---@field private failed table<string, integer>  url -> skynet.now() from which it may be asked again
local hosts = {}
hosts.__index = hosts

---@param addresses string|string[]  like "http://127.0.0.1:2379"
---@param quiet? boolean  failures are not logged
---@return etcd.hosts?  nil: an address is no url of a server
---@return string? err
function hosts.new(addresses, quiet)
	if type(addresses) ~= "table" then addresses = { addresses } end
	local urls = {}
	for i, address in ipairs(addresses) do
		local url = tostring(address):match "^%a[%w+.-]*://[^/]+"
		if not url then return nil, "inalid http_host: " .. tostring(address) .. ", err: not matched" end
		urls[i] = url
	end
	if #urls == 0 then return nil, "inalid http_host: none, err: not matched" end
	-- Clients that start together shall not all ask the same server first.
	return setmetatable({ urls = urls, current = math.random(#urls), failed = {}, quiet = quiet or false }, hosts)
end

local function next_of(self)
	local now = skynet.now()
	for step = 1, #self.urls do
		local i = (self.current + step - 1) % #self.urls + 1
		if (self.failed[self.urls[i]] or 0) <= now then return i end
	end
	return 1
end

--- The server to ask next: the first one, if all have failed lately.
---@return string url
function hosts:choose()
	self.current = next_of(self)
	return self.urls[self.current]
end

--- The server that `choose` would give.
---@return string url
function hosts:peek()
	return self.urls[next_of(self)]
end

--- Leaves a server out for a while.
---@param url string
function hosts:report_failure(url)
	if not self.quiet then log.warn("report_failure", url) end
	self.failed[url] = skynet.now() + REST
end

return hosts
