--- One task does what several want, such as opening a connection: it leads, and the others wait for its end.
local skynet = require "skynet"
local killed = require "skynet.killed"

--- The running task leads. → a function that ends that: calls ended() and wakes who waits. When the task is killed
--- ended(true) is called at once, and one of those who wait can go on in its place.
---@param waiters table[]  the tokens that the others wait with
---@param ended fun(interrupted?: boolean)  must not block
---@return fun() finish
return function(waiters, ended)
	local function finish(interrupted)
		killed.release(waiters)
		ended(interrupted)
		for _, token in ipairs(waiters) do skynet.wakeup(token) end
	end
	killed.hold(waiters, function() finish(true) end)
	return finish
end
