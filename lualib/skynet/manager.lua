--- Functions of skynet for services that manage others. Returns the skynet table itself, with these added.
local skynet = require "skynet"
local core = require "skynet.core"
local harbor = require "skynet.harbor"
local words = require "skynet.words"

--- Starts a service of a C module.
---@param module string
---@param ... string|number  its arguments, joined by blanks
---@return integer? handle  nil when the module is missing or its init fails
function skynet.launch(module, ...)
	return core.addresscommand("LAUNCH", words.join(module, ...))
end

local function handle_of(address)
	if type(address) == "number" then return address end
	local hex = tostring(address):match "^:(%x+)$"
	return hex and tonumber(hex, 16) or skynet.localname(address)
end

--- Ends a service at once. Nobody there: nothing happens.
---@param address integer|string  handle, `:hex` or `.name`
function skynet.kill(address)
	local handle = handle_of(address)
	-- The victim cannot tell the launcher itself any more.
	if handle then skynet.send(".launcher", "lua", "REMOVE", handle, true) end
	core.command("KILL", skynet.address(address))
end

--- Ends the node.
function skynet.abort()
	core.command "ABORT"
end

local function global_name(name)
	if name:byte() == 46 then return false end -- "."
	assert(name:byte() ~= 58, "a global name cannot begin with `:`")
	assert(#name > 0 and #name < 16, "a global name has 1 to 15 characters")
	assert(not tonumber(name), "a global name cannot be a number")
	return true
end

--- Gives the own service a name: `.x` for this node, else for the whole harbor network.
---@param name string
function skynet.register(name)
	if global_name(name) then
		harbor.globalname(name)
	else
		core.command("REG", name)
	end
end

--- Gives a service a name. A name that is taken stays with its owner.
---@param name string
---@param handle integer
function skynet.name(name, handle)
	if global_name(name) then
		harbor.globalname(name, handle)
	else
		core.command("NAME", name .. " " .. skynet.address(handle))
	end
end

--- Like skynet.start, for a service that passes messages on without copying them.
---@param map table<integer, integer>  type of a message -> type it is dispatched as; its handler owns the memory
---@param start async fun()
function skynet.forward_type(map, start)
	core.callback(function(ptype, msg, sz, ...)
		local as = map[ptype]
		if as then return skynet.dispatch_message(as, msg, sz, ...) end
		local ok, err = pcall(skynet.dispatch_message, ptype, msg, sz, ...)
		core.trash(msg, sz)
		if not ok then error(err, 0) end
	end, true)
	skynet.timeout(0, function() skynet.init_service(start) end)
end

--- Like skynet.start; every message is dispatched as what `f` makes of it.
---@param f fun(ptype: integer, msg: lightuserdata, sz: integer, session: integer, source: integer): ...
---@param start async fun()
function skynet.filter(f, start)
	core.callback(function(...)
		skynet.dispatch_message(f(...))
	end)
	skynet.timeout(0, function() skynet.init_service(start) end)
end

--- Makes a unique global service the one that hears of every service that ends (message type 3, source = who).
---@async
---@param service string
---@param query? boolean  true: it is not started, only waited for
---@return integer handle
function skynet.monitor(service, query)
	local monitor
	if query then
		monitor = skynet.queryservice(true, service)
	else
		monitor = skynet.uniqueservice(true, service)
	end
	core.command("MONITOR", skynet.address(monitor))
	return monitor
end

return skynet
