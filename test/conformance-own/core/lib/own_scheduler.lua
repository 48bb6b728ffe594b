-- A scheduler for services that some third party wrote: over skynet.core and skynet.profile alone, without skynet.lua.
local core = require "skynet.core"
local profile = require "skynet.profile"

local resume, yield, running = profile.resume, coroutine.yield, coroutine.running
local unpack = table.unpack or unpack

local RESPONSE, ERROR, LUA = 1, 7, 10
local WOKEN = {}

local M = {}

local waiting = {} -- session -> the coroutine, or WOKEN: its message is not wanted any more
local sleeping = {} -- coroutine -> session
local woken, forks = {}, {}
local requests = {} -- coroutine -> { session, source }
local handlers = {}

local function settle(co, ok, what, session)
	if not ok then
		local request = requests[co]
		requests[co] = nil
		if request and request[1] ~= 0 then core.send(request[2], ERROR, request[1], "") end
		error(debug.traceback(co, tostring(what)), 0)
	end
	if coroutine.status(co) == "dead" then
		requests[co] = nil
	elseif what == "WAIT" then
		waiting[session] = co
	end
end

local function run(co, ...) settle(co, resume(co, ...)) end

local function run_others()
	while true do
		local co = table.remove(woken, 1)
		if co then
			waiting[sleeping[co]] = WOKEN
			sleeping[co] = nil
			run(co, "BREAK")
		else
			local fork = table.remove(forks, 1)
			if not fork then return end
			run(fork[1], unpack(fork, 2, fork.n))
		end
	end
end

local function handle(ptype, msg, sz, session, source)
	if ptype == RESPONSE or ptype == ERROR then
		local co = waiting[session]
		waiting[session] = nil
		if co == nil then error("unknown session " .. session) end
		if co == WOKEN then return end
		sleeping[co] = nil
		run(co, ptype == RESPONSE, msg, sz)
	elseif handlers[ptype] then
		local co = coroutine.create(handlers[ptype])
		requests[co] = { session, source }
		run(co, session, source, core.unpack(msg, sz))
	elseif session ~= 0 then
		core.send(source, ERROR, session, "")
	end
end

function M.dispatch(...)
	local ok, err = pcall(handle, ...)
	run_others()
	if not ok then error(err, 0) end
end

function M.call(address, ptype, ...)
	local session = core.send(address, ptype, nil, core.pack(...))
	if not session then error "nobody is there" end
	local ok, msg, sz = yield("WAIT", session)
	if not ok then error "the call failed" end
	return core.unpack(msg, sz)
end

function M.ret(...)
	local session, source = unpack(requests[running()])
	requests[running()] = nil
	return core.send(source, RESPONSE, session, core.pack(...))
end

function M.sleep(ticks)
	local session = core.intcommand("TIMEOUT", ticks)
	sleeping[running()] = session
	local how = yield("WAIT", session)
	return how == "BREAK" and how or nil
end

function M.wakeup(co)
	if sleeping[co] then woken[#woken + 1] = co end
end

function M.fork(f, ...)
	local fork = { coroutine.create(f), n = select("#", ...) + 1, ... }
	forks[#forks + 1] = fork
	return fork[1]
end

function M.timeout(ticks, f) waiting[core.intcommand("TIMEOUT", ticks)] = coroutine.create(f) end

function M.handle(ptype, f) handlers[ptype] = f end

function M.self() return core.addresscommand "REG" end

function M.exit()
	local self = M.self()
	core.command "EXIT" -- who hears of the end from here on finds nobody
	for _, request in pairs(requests) do
		if request[1] ~= 0 then core.send(request[2], ERROR, request[1], "") end
	end
	core.send(".launcher", LUA, 0, core.pack("REMOVE", self, false))
	yield "EXIT"
end

function M.start(f)
	core.callback(M.dispatch)
	M.timeout(0, function()
		local ok, err = pcall(f)
		if not ok then core.error("start failed: " .. tostring(err)) end
		core.send(".launcher", LUA, 0, core.pack(ok and "LAUNCHOK" or "ERROR"))
		if not ok then M.exit() end
	end)
end

return M
