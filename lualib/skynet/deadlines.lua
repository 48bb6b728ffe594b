--- Many things of which each must be done within the same time, watched with one timer: peers that connect and
--- say nothing are cheap, and watching them should be, too.
local skynet = require "skynet"

---@class skynet.deadlines
---@field private time integer
---@field private late fun(key: any)
---@field private due table<any, integer>
---@field private ticking boolean
local deadlines = {}
deadlines.__index = deadlines

local function tick(self)
	local now = skynet.now()
	for key, due in pairs(self.due) do
		if due <= now then
			self.due[key] = nil
			skynet.fork(self.late, key)
		end
	end
	self.ticking = next(self.due) ~= nil
	if self.ticking then skynet.timeout(self.step, function() tick(self) end) end
end

--- Starts to watch `key`; it is late after the time, or up to a tenth of it later.
---@param key any
function deadlines:add(key)
	self.due[key] = skynet.now() + self.time
	if not self.ticking then
		self.ticking = true
		skynet.timeout(self.step, function() tick(self) end)
	end
end

--- Stops to watch `key`.
---@param key any
function deadlines:remove(key)
	self.due[key] = nil
end

---@param time integer  cs
---@param late fun(key: any)  called once for a key that was not removed in time
---@return skynet.deadlines
return function(time, late)
	return setmetatable({
		time = time,
		step = math.max(1, math.floor(time / 10)),
		late = late,
		due = {},
		ticking = false,
	}, deadlines)
end
