-- A gateserver that notes what its handlers hear.
local skynet = require "skynet"
local netpack = require "skynet.netpack"
local driver = require "skynet.socketdriver"
local gateserver = require "snax.gateserver"

local log = {}
local fail_open = true
local handler = {}

local function note(...) log[#log + 1] = { ... } end

function handler.open(_, conf)
	if conf.fail and fail_open then
		fail_open = false
		error "open failed"
	end
	return conf.port
end

function handler.connect(id)
	note("connect", id)
	gateserver.openclient(id)
end

function handler.message(id, data, size)
	driver.send(id, netpack.pack(netpack.tostring(data, size)))
end

function handler.disconnect(id)
	note("disconnect", id)
	gateserver.closeclient(id)
end

function handler.error(id, reason) note("error", id, reason) end

function handler.command(cmd)
	if cmd == "log" then return log end
end

gateserver.start(handler)
