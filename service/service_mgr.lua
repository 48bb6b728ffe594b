--- `.service`: the unique services of a node, and on the master node, as `SERVICE`, those of the harbor network.
local skynet = require "skynet"
require "skynet.manager"
local harbor = require "skynet.harbor"
local snax = require "skynet.snax"
local killed = require "skynet.killed"

---@class service_mgr.entry  one unique service
---@field handle? integer     once it is ready
---@field err? string         why it could not be started
---@field launch? service_mgr.request  of who starts it
---@field cell? integer       the service that runs the init of a snax service, while that is at it
---@field waiting service_mgr.request[]  of those who wait until it is ready, or has failed

---@class service_mgr.request
---@field source integer
---@field session integer
---@field co thread           that handles it

local ASK_WITHIN = 100 -- 1/100 s: so long LIST waits for what a service says about itself
local REPORT_PAUSE = 20 -- 1/100 s: between attempts to reach a master that comes back

local entries = {} ---@type table<string, service_mgr.entry>
local nodes = {} ---@type table<integer, true>  on the master node: the managers of the other nodes

local function entry_of(key)
	local entry = entries[key]
	if not entry then
		entry = { waiting = {} }
		entries[key] = entry
	end
	return entry
end

-- → the handle; or nil and why there is none
local function result_of(entry)
	if entry.handle then return entry.handle end
	return nil, entry.err
end

local function wait(entry, request)
	while not entry.handle and not entry.err do
		table.insert(entry.waiting, request)
		skynet.wait(request)
	end
	return result_of(entry)
end

-- A service of snax is known by the file that it runs; the program is the same for all.
local function key_of(name, sub)
	if name == "snaxd" or name == "@snaxd" then return name .. "." .. tostring(sub) end
	return name
end

-- `@name` is a service of the network.
local function start(entry, name, ...)
	local program = name:match "^@?(.*)"
	if program ~= "snaxd" then return skynet.newservice(program, ...) end
	local handle, init = snax.rawlaunch((...))
	entry.cell = handle
	init(select(2, ...))
	return handle
end

local function wake_all(entry)
	local waiting = entry.waiting
	entry.waiting = {}
	for _, request in ipairs(waiting) do skynet.wakeup(request) end
end

-- Whoever kills the task that starts a service (killthread, the console's killtask) must not leave the others waiting.
-- The name counts as failed: the service may be there already, and a second one would not be unique.
killed.listen(entries, function(co)
	for key, entry in pairs(entries) do
		if entry.launch and entry.launch.co == co then
			entry.launch, entry.cell = nil, nil
			entry.err = "the start of " .. key .. " was killed"
			wake_all(entry)
		end
	end
end)

local command = {} ---@type table<string, async fun(request: service_mgr.request, ...): ...>

function command.LAUNCH(request, name, ...)
	local entry = entry_of(key_of(name, ...))
	if entry.launch or entry.handle or entry.err then return wait(entry, request) end
	entry.launch = request
	local ok, handle = pcall(start, entry, name, ...)
	entry.launch, entry.cell = nil, nil
	if not ok then
		entry.err = tostring(handle)
	elseif handle then
		entry.handle = handle
	else
		entry.err = name .. " exited while it started"
	end
	wake_all(entry)
	return result_of(entry)
end

function command.QUERY(request, name, ...)
	return wait(entry_of(key_of(name, ...)), request)
end

-- ---- what is waited for -------------------------------------------------------------------------

-- A line of what LIST tells of a service that is not ready, and whom to ask for the traceback below it.
---@class service_mgr.trace
---@field title string
---@field address? integer
---@field task? string|integer  as of skynet.task; nil: all tasks
---@field text? string          what was answered

---@return service_mgr.trace[]
local function traces_of(entry)
	local traces = {}
	local launch = entry.launch
	if launch then
		local session = skynet.task(launch.co)
		local handle = entry.cell or session and skynet.call(".launcher", "lua", "QUERY", session)
		if handle then
			-- the init of a snax service is no start function, but one of its tasks
			local task = not entry.cell and "init" or nil
			traces[#traces + 1] = { title = "Init as " .. skynet.address(handle), address = handle, task = task }
		end
		local title = "Launching from " .. skynet.address(launch.source)
		traces[#traces + 1] = { title = title, address = launch.source, task = launch.session }
	end
	if entry.waiting[1] then traces[#traces + 1] = { title = "Querying:" } end
	for _, request in ipairs(entry.waiting) do
		traces[#traces + 1] = { title = skynet.address(request.source), address = request.source, task = request.session }
	end
	return traces
end

local function text_of(answer)
	if type(answer) ~= "table" then return tostring(answer) end
	local lines = {}
	for task, trace in pairs(answer) do lines[#lines + 1] = task .. "\t" .. tostring(trace) end
	table.sort(lines)
	return table.concat(lines, "\n")
end

-- Asks for the texts of all traces at once; a service that is busy does not hold up the others.
local function ask_for(traces)
	if not traces[1] then return end
	local requests, of = skynet.request(), {}
	for _, trace in ipairs(traces) do
		local request = { trace.address, "debug", "TASK", trace.task }
		of[request] = trace
		requests:add(request)
	end
	for request, answer in requests:select(ASK_WITHIN) do
		if answer then of[request].text = text_of(answer[1]) end
	end
end

local function list()
	local result, waited, asked = {}, {}, {}
	for key, entry in pairs(entries) do
		if entry.handle then
			result[key] = skynet.address(entry.handle)
		elseif entry.err then
			result[key] = "Error: " .. entry.err
		else
			waited[key] = entry
		end
	end
	for key, entry in pairs(waited) do
		waited[key] = traces_of(entry)
		for _, trace in ipairs(waited[key]) do
			if trace.address then asked[#asked + 1] = trace end
		end
	end
	ask_for(asked)
	for key, traces in pairs(waited) do
		local lines = {}
		for _, trace in ipairs(traces) do
			lines[#lines + 1] = trace.title
			if trace.address then lines[#lines + 1] = trace.text or "does not answer" end
		end
		result[key] = table.concat(lines, "\n")
	end
	return result
end

-- The master node is asked by the others: REPORT makes a node known to it.
local function be_master()
	function command.GLAUNCH(request, name, ...)
		return command.LAUNCH(request, "@" .. name, ...)
	end

	function command.GQUERY(request, name, ...)
		return command.QUERY(request, "@" .. name, ...)
	end

	function command.REPORT(_, manager)
		nodes[manager] = true
	end

	function command.LIST()
		local result = list()
		local requests = skynet.request()
		for manager in pairs(nodes) do requests:add { manager, "lua", "LIST" } end
		for request, answer in requests:select() do
			local manager = request[1]
			if answer then
				local id = skynet.harbor(manager)
				for name, state in pairs(answer[1]) do
					if name:sub(1, 1) ~= "@" then result[name .. "@" .. id] = state end
				end
			else
				nodes[manager] = nil -- it went down
			end
		end
		return result
	end

	skynet.register "SERVICE"
end

local function be_slave()
	local known = {} ---@type table<string, integer>  services of the network

	local function ask_master(what, name, ...)
		name = "@" .. name
		local key = key_of(name, ...)
		if known[key] then return known[key] end
		local handle, err = skynet.call("SERVICE", "lua", what, name, ...)
		known[key] = handle
		if handle then return handle end
		return nil, err
	end

	function command.GLAUNCH(_, ...)
		return ask_master("LAUNCH", ...)
	end

	function command.GQUERY(_, ...)
		return ask_master("QUERY", ...)
	end

	command.LIST = list

	skynet.call("SERVICE", "lua", "REPORT", skynet.self())
	-- A master that comes back knows no node, and the services it had for the network are gone.
	skynet.fork(function()
		while true do
			harbor.linkmaster()
			known = {}
			repeat
				skynet.sleep(REPORT_PAUSE)
			until pcall(skynet.call, "SERVICE", "lua", "REPORT", skynet.self())
		end
	end)
end

local NAMED = { LAUNCH = true, QUERY = true, GLAUNCH = true, GQUERY = true } -- the first argument is a service's name

-- A number may be a name, as it may for newservice.
local function run(what, request, name, ...)
	local f = command[what]
	if not f then return nil, "Invalid command " .. tostring(what) end
	if NAMED[what] and type(name) ~= "string" then
		if type(name) ~= "number" then
			return nil, "the name of a service is a string, not " .. (name == nil and "nil" or "a " .. type(name))
		end
		name = tostring(name)
	end
	return f(request, name, ...)
end

skynet.start(function()
	skynet.dispatch("lua", function(session, source, what, ...)
		skynet.retpack(run(what, { session = session, source = source, co = coroutine.running() }, ...))
	end)
	skynet.register ".service"
	if skynet.getenv "standalone" then
		be_master()
	else
		be_slave()
	end
end)
