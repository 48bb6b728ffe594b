--- A critical section: of the coroutines that enter, one runs at a time, first come first served.
local skynet = require "skynet"
local scheduler = require "skynet.scheduler"
local killed = require "skynet.killed"

local running = coroutine.running

local function traceback(err)
	if type(err) ~= "string" then return err end
	return debug.traceback(err, 2)
end

--- Makes a queue `q`. `q(f, ...)` runs f(...) alone and returns its results; the coroutine that is inside may
--- enter again. An error of f is raised again, a text with its traceback, and the next one enters. So it does when the
--- task that is inside is killed; one that raises or is killed while it waits is passed over.
---@return async fun(f: function, ...: any): ...
local function new_queue()
	local owner ---@type thread?  who is inside
	local owner_task ---@type thread?  the task that it belongs to: itself, or what drives a coroutine of skynet.coroutine
	local depth = 0 -- how often it has entered
	-- From `first` to `last`: who wants to enter, and their tasks; false: no longer.
	local waiting = {} ---@type table<integer, { co: thread, task: thread }|false>
	local first, last = 1, 0

	-- Hands over to the first of those who still wait: a waiter may have been killed.
	local function hand_over()
		owner, owner_task, depth = nil, nil, 0
		while not owner and first <= last do
			local entry = waiting[first]
			waiting[first] = nil
			first = first + 1
			if entry and skynet.wakeup(entry.co) then owner, owner_task = entry.co, entry.task end
		end
	end

	local function leave()
		depth = depth - 1
		if depth == 0 then hand_over() end
	end

	local function done(ok, ...)
		leave()
		if not ok then error((...), 0) end
		return ...
	end

	-- Gives up a place. A wakeup from the queue would be taken for an event that the coroutine waits for later.
	local function drop_out(place, co)
		if owner == co then return hand_over() end
		if waiting[place] then waiting[place] = false end
	end

	local function wait_for_turn(co, task)
		last = last + 1
		local place = last
		waiting[place] = { co = co, task = task }
		repeat
			-- Raises where nothing may block. Somebody else may wake this coroutine, too.
			local ok, err = pcall(skynet.wait, co)
			if not ok then
				drop_out(place, co)
				error(err, 0)
			end
		until owner == co
	end

	local function queue(f, ...)
		local co = running()
		if owner ~= co then
			local task = scheduler.running() or co
			if owner and killed.is_gone(owner) then hand_over() end
			if owner then
				wait_for_turn(co, task)
			else
				owner, owner_task = co, task
			end
		end
		depth = depth + 1
		return done(xpcall(f, traceback, ...))
	end

	killed.listen(queue, function(co)
		if co == owner or co == owner_task then hand_over() end
	end)
	return queue
end

skynet.queue = new_queue

return new_queue
