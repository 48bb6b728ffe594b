--- `.cslave` of a node without a harbor network: keeps the global names, which here are names of this node.
local skynet = require "skynet"
require "skynet.manager"

local names = {} ---@type table<string, integer>
local queries = {} ---@type table<string, function[]>  answers to those who wait for a name
local harbor_service ---@type integer

skynet.register_protocol {
	name = "harbor",
	id = skynet.PTYPE_HARBOR,
	pack = function(...) return ... end,
	unpack = skynet.tostring,
}

-- The harbor service keeps messages to a name until it is told the handle: `N name`, in the handle's name.
local function tell_harbor(name)
	skynet.redirect(harbor_service, names[name], "harbor", 0, "N " .. name)
end

skynet.register_protocol {
	name = "text",
	id = skynet.PTYPE_TEXT,
	pack = function(...) return ... end,
	unpack = skynet.tostring,
	dispatch = function(_, _, text)
		local name = text:match "^Q (.+)$"
		if name and names[name] then tell_harbor(name) end
	end,
}

local command = {}

function command.REGISTER(name, handle)
	assert(type(name) == "string" and type(handle) == "number", "REGISTER: a name and a handle are wanted")
	assert(not names[name], name .. " is registered already")
	names[name] = handle
	tell_harbor(name)
	for _, answer in ipairs(queries[name] or {}) do answer(true, handle) end
	queries[name] = nil
	skynet.ret()
end

function command.QUERYNAME(name)
	if name:byte() == 46 then -- "."
		skynet.retpack(skynet.localname(name))
	elseif names[name] then
		skynet.retpack(names[name])
	else
		queries[name] = queries[name] or {}
		table.insert(queries[name], skynet.response())
	end
end

function command.LINK()
	skynet.ret()
end

function command.CONNECT()
	skynet.error "Can't connect to other harbor in single node mode"
	skynet.ignoreret()
end

skynet.start(function()
	harbor_service = assert(skynet.launch("harbor", 0, skynet.self()), "the service harbor cannot be launched")
	skynet.dispatch("lua", function(_, _, name, ...)
		local f = command[name]
		if not f then error("Unknown command " .. tostring(name)) end
		f(...)
	end)
end)
