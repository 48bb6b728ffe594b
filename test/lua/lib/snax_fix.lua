local skynet = require "skynet"

local count = 0
local log = {}

local function add(n) count = count + n end

function accept.add(n) add(n) end
function response.count() return count end
function response.log() return log end
function response.global() return shared_global end
function response.own(what) return response[what] ~= nil end
function response.nothing() return skynet.self() end

function init() shared_global = "from init" end
function exit(witness)
	if witness then skynet.send(witness, "lua", "exit", count) end
	error "expected exit error"
end
