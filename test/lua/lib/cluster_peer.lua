--- The start service of a cluster node that tests call. Config: listen, its port; cluster_* as they are. A second service
--- with the same commands has the name ".second": the script does without the node when it is started with a name.
local skynet = require "skynet"
require "skynet.manager"
local cluster = require "skynet.cluster"
local other_node = require "other_node"

local command = {}
local held = {}
local pushed = {}

function command.echo(...) return ... end
function command.fail() error "failed on purpose" end
function command.raise(text) error(text, 0) end
function command.big(n) return ("z"):rep(n) end
function command.slow(ticks, ...)
	skynet.sleep(ticks)
	return ...
end
function command.push(n) pushed[#pushed + 1] = n end
function command.pushed() return pushed end
function command.held() return #held end

--- Answers when it is told to, or never.
function command.hold(...)
	local token = {}
	held[#held + 1] = token
	skynet.wait(token)
	return ...
end
function command.release()
	for _, token in ipairs(held) do skynet.wakeup(token) end
	held = {}
end

local role = ...

skynet.start(function()
	skynet.dispatch("lua", function(session, _, name, ...)
		if session == 0 then command[name](...) else skynet.retpack(command[name](...)) end
	end)
	if role then
		skynet.register("." .. role)
		return
	end
	skynet.register ".peer"
	other_node.guard()
	skynet.newservice("cluster_peer", "second")
	local port = tonumber(skynet.getenv "listen")
	cluster.reload { peer = "127.0.0.1:" .. port }
	cluster.register "peer"
	cluster.open "peer"
end)
