--- `skynet.service` and an orderly end: functions that run before a service exits, and a monitor that ends a service
--- which takes too long over it.
local skynet = require "skynet"
local log = require "log"
local service = require "skynet.service"

local atexit = {}

-- The unique service "servicemng". Its code is shipped there, so it may use nothing of this file.
local function monitor()
	local core = require "skynet.core"
	local log = require "log"
	local skynet = require "skynet.manager"

	local PERIOD = 500 -- 1/100 s between two looks at the deadlines

	local deadlines = { begin_exit = {}, end_exit = {} } -- address -> second in which its time is up
	local watching = false

	local function kill_overdue(phase)
		local now = skynet.time()
		local overdue = {}
		for address, deadline in pairs(deadlines[phase]) do
			if now >= deadline then overdue[#overdue + 1] = address end
		end
		for _, address in ipairs(overdue) do
			deadlines[phase][address] = nil
			log.info("force kill in " .. phase .. ". address:", address)
			skynet.kill(address)
		end
	end

	local function watch()
		kill_overdue "end_exit"
		kill_overdue "begin_exit"
		watching = next(deadlines.begin_exit) ~= nil or next(deadlines.end_exit) ~= nil
		if watching then skynet.timeout(PERIOD, watch) end
	end

	local function expect(address, phase, seconds)
		deadlines.begin_exit[address] = nil
		deadlines.end_exit[address] = nil
		deadlines[phase][address] = skynet.time() + seconds
		if not watching then
			watching = true
			skynet.timeout(PERIOD, watch)
		end
	end

	-- The runtime sends a client message in the name of every service that has ended.
	skynet.register_protocol {
		name = "client",
		id = skynet.PTYPE_CLIENT,
		unpack = function() end,
		dispatch = function(_, source)
			deadlines.begin_exit[source] = nil
			deadlines.end_exit[source] = nil
			log.info("exit ok. source:", source)
		end,
	}
	skynet.dispatch("lua", function(_, source, phase, seconds)
		expect(source, phase, seconds)
	end)
	core.command("MONITOR", skynet.address(skynet.self()))
	log.info "service monitor init ok."
end

--- Has a function run when this service exits through `exit`. The last one registered runs first.
---@param f fun()  may block; its errors are logged
function service.atexit(f)
	atexit[#atexit + 1] = f
end

--- Runs the functions of `atexit`, and exits. Never returns.
---@async
---@param wait? number  seconds to stay after they have run, for messages under way; 0 by default
---@param begin_limit? number  seconds they may take before the monitor kills this service; 5 by default
---@param end_limit? number  seconds this service may still live after they have run, `wait` included; 5 by default
function service.exit(wait, begin_limit, end_limit)
	local address = service.new("servicemng", monitor)
	skynet.send(address, "lua", "begin_exit", begin_limit or 5)
	while #atexit > 0 do
		local ok, message = pcall(table.remove(atexit))
		if not ok then log.error("exit call failed. msg:", message) end
	end
	skynet.send(address, "lua", "end_exit", end_limit or 5)
	if wait and wait > 0 then skynet.sleep(math.floor(wait * 100)) end
	skynet.exit()
end

return service
