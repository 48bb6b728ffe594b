-- A service that keeps requests without an answer, or takes its time.
local skynet = require "skynet"

local held = {}
local command = {}

function command.hold() held[#held + 1] = skynet.response() end
function command.held() skynet.retpack(#held) end
function command.exit() skynet.exit() end
function command.yield() coroutine.yield() end

function command.slow(ticks)
	skynet.sleep(ticks or 20)
	skynet.retpack "slow"
end

function command.answer()
	for _, response in ipairs(held) do response(true, "answer") end
	held = {}
	skynet.retpack()
end

skynet.register_protocol {
	name = "client", id = skynet.PTYPE_CLIENT, unpack = skynet.tostring,
	dispatch = function() skynet.ignoreret() end,
}

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...) command[name](...) end)
end)
