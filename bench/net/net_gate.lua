--- A gate for packages with 2-byte lengths, that sends each back as an agent would: from a Lua string.
local gateserver = require "snax.gateserver"
local driver = require "skynet.socketdriver"
local netpack = require "skynet.netpack"

local handler = {}

function handler.connect(id)
	gateserver.openclient(id)
end

function handler.message(id, message, size)
	driver.send(id, netpack.pack(netpack.tostring(message, size)))
end

-- The peer has ended its direction; ours is still open.
function handler.disconnect(id)
	gateserver.closeclient(id)
end

function handler.error() end

function handler.command() end

gateserver.start(handler)
