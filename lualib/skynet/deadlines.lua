--- Many things of which each must be done within the same time, watched with one timer: peers that connect and
--- say nothing are cheap, and watching them should be, too.
local skynet = require "skynet"

local MAX_STEP = 100 -- cs between two looks

---@class skynet.deadlines
---@field private time integer
---@field private late fun(key: any)
---@field private due table<any, integer>
---@field private step integer
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

--- Starts to watch `key`. Being late is noticed up to a tenth of the time, at most a second, later.
---@param key any
---@param time? integer  cs, instead of the common time
function deadlines:add(key, time)
	time = time or self.time
	self.due[key] = skynet.now() + time
	self.step = math.min(self.step, math.max(1, math.floor(time / 10)))
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
		step = MAX_STEP,
		late = late,
		due = {},
		ticking = false,
	}, deadlines)
end
