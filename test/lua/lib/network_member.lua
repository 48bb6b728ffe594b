--- The start service of a node of a harbor network that a test controls by cluster calls to "@member". Config: listen, its port.
local skynet = require "skynet"
local cluster = require "skynet.cluster"
local harbor = require "skynet.harbor"
local multicast = require "skynet.multicast"
local other_node = require "other_node"

local command = {}
local channel
local got = {}

function command.new()
	channel = multicast.new()
	return channel.channel
end

function command.subscribe(number)
	channel = multicast.new {
		channel = number,
		dispatch = function(_, _, ...) got[#got + 1] = { ... } end,
	}
	channel:subscribe()
end

function command.subscribe_again() channel:subscribe() end
function command.publish(...) channel:publish(...) end
function command.got() return got end
function command.register(name) harbor.globalname(name) end
function command.echo(...) return ... end
function command.call(name, ...) return skynet.call(name, "lua", ...) end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...) skynet.retpack(command[name](...)) end)
	other_node.guard()
	local port = tonumber(skynet.getenv "listen")
	cluster.register "member"
	cluster.open(port)
end)
