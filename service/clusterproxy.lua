--- Stands for a service of another node: passes the messages that it gets on to the sender of that node, in the name of
--- those who sent them, so that the answers go straight to them.
local skynet = require "skynet"
require "skynet.manager"
local words = require "skynet.words"

local node, address, sender, clusterd = ...
node = words.unquote(node)
-- A handle has digits only. (".5" is a name, and a number as well.)
address = address:find "^%d+$" and tonumber(address) or words.unquote(address)
sender, clusterd = tonumber(sender), tonumber(clusterd)

local function forward(source, session, msg, sz)
	local packed, size = skynet.pack(session == 0 and "push" or "req", address, msg, sz)
	return skynet.redirect(sender, source, "lua", session, packed, size)
end

-- Only messages of the protocol "lua" travel, and a snax service takes those as its own (snax.enablecluster).
skynet.register_protocol {
	name = "snax",
	id = skynet.PTYPE_SNAX,
	unpack = function(...) return ... end,
}
skynet.register_protocol {
	name = "forwarded",
	id = skynet.PTYPE_SYSTEM,
	unpack = function(...) return ... end,
	dispatch = function(session, source, msg, sz)
		if forward(source, session, msg, sz) then return skynet.ignoreret() end
		-- It was killed: another one takes its place.
		local ok, other = pcall(skynet.call, clusterd, "lua", "link", node)
		if ok then
			sender = other
			if forward(source, session, msg, sz) then return skynet.ignoreret() end
		end
		skynet.trash(msg, sz)
		error(string.format("cluster: the sender of node %s has ended", node), 0) -- which fails the request
	end,
}

skynet.forward_type({ [skynet.PTYPE_LUA] = skynet.PTYPE_SYSTEM, [skynet.PTYPE_SNAX] = skynet.PTYPE_SYSTEM }, function()
	skynet.info_func(function() return node .. " " .. address end)
end)
