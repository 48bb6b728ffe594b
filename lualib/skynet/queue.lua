--- A critical section: of the coroutines that enter, one runs at a time, first come first served.
local skynet = require "skynet"
local scheduler = require "skynet.scheduler"

local running = coroutine.running

local function traceback(err)
	if type(err) ~= "string" then return err end
	return debug.traceback(err, 2)
end

--- Makes a queue `q`. `q(f, ...)` runs f(...) alone and returns its results; the coroutine that is inside may
--- enter again. An error of f is raised again, a text with its traceback, and the next one enters.
---@return async fun(f: function, ...: any): ...
local function new_queue()
	local owner ---@type thread?  who is inside
	local depth = 0 -- how often it has entered
	local waiting = {} -- from `first` to `last`: who wants to enter
	local first, last = 1, 0

	-- Hands over to the first of those who still wait: a waiter may have been killed.
	local function leave()
		depth = depth - 1
		if depth > 0 then return end
		owner = nil
		while not owner and first <= last do
			local co = waiting[first]
			waiting[first] = nil
			first = first + 1
			if skynet.wakeup(co) then owner = co end
		end
	end

	local function done(ok, ...)
		leave()
		if not ok then error((...), 0) end
		return ...
	end

	return function(f, ...)
		local co = running()
		if owner and owner ~= co and scheduler.killed and scheduler.killed[owner] then
			depth = 1
			leave()
		end
		if owner and owner ~= co then
			last = last + 1
			waiting[last] = co
			-- Somebody else may wake this coroutine, too.
			repeat skynet.wait(co) until owner == co
		end
		owner = co
		depth = depth + 1
		return done(xpcall(f, traceback, ...))
	end
end

skynet.queue = new_queue

return new_queue
