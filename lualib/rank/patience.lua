--- Calls to services that answer each message at once, in order: when one has not answered anybody for some time, all
--- calls to it fail. That costs a call next to nothing, other than a timer for each.
local skynet = require "skynet"

---@class rank.patience
---@field private limit integer
---@field private links table<integer, { waiting: integer, since: integer, late: boolean }>  by address, while somebody waits
---@field private ticking boolean
local patience = {}
patience.__index = patience

local STEP = 50 -- 1/100 s between two looks

---@param limit integer  1/100 s
---@return rank.patience
function patience.new(limit)
	return setmetatable({ limit = limit, links = {}, ticking = false }, patience)
end

local function tick(self)
	local now = skynet.now()
	for address, link in pairs(self.links) do
		if now - link.since >= self.limit then
			link.late = true
			skynet.term(address)
		end
	end
	self.ticking = next(self.links) ~= nil
	if self.ticking then skynet.timeout(STEP, function() tick(self) end) end
end

local function answered(self, address, link, ok, ...)
	link.waiting, link.since = link.waiting - 1, skynet.now()
	if link.waiting == 0 then self.links[address] = nil end
	if ok then return { ... } end
	return nil, link.late
end

--- Asks a service with a Lua message.
---@async
---@param address integer
---@return any[]? answer  nil: the call failed
---@return boolean? late  because the service has not answered for too long
function patience:call(address, ...)
	local link = self.links[address]
	if not link then
		link = { waiting = 0, since = skynet.now(), late = false }
		self.links[address] = link
	end
	link.waiting = link.waiting + 1
	if not self.ticking then
		self.ticking = true
		skynet.timeout(STEP, function() tick(self) end)
	end
	return answered(self, address, link, pcall(skynet.call, address, "lua", ...))
end

return patience
