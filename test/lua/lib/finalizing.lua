-- Leaves something behind with each message whose finalizer raises. Helper of finalizer_test.
local skynet = require "skynet"

local finalized = 0

local function finalize()
	finalized = finalized + 1
	error "raised by a finalizer"
end

local function leave_behind()
	if newproxy then
		getmetatable(newproxy(true)).__gc = finalize
	else
		setmetatable({}, { __gc = finalize })
	end
end

skynet.start(function()
	skynet.dispatch("lua", function(session, _, text)
		leave_behind()
		if session ~= 0 then skynet.retpack(#text, finalized) end
	end)
end)
