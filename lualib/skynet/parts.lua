--- The parts of skynet that are loaded when something of them is first asked for.
local lua_require = require "skynet.require".lua_require

-- The names between blanks; a module's value is a table that has them, or the one function.
local PARTS = {
	["skynet.message_types"] = " PTYPE_TEXT PTYPE_RESPONSE PTYPE_MULTICAST PTYPE_CLIENT PTYPE_SYSTEM PTYPE_HARBOR "
		.. "PTYPE_SOCKET PTYPE_ERROR PTYPE_QUEUE PTYPE_DEBUG PTYPE_LUA PTYPE_SNAX PTYPE_TRACE ",
	["skynet.node"] = " setenv localname engine starttime time mqlen stat endless memlimit cache ",
	["skynet.unique"] = " uniqueservice queryservice ",
	["skynet.response"] = " response ",
	["skynet.unknown"] = " dispatch_unknown_response dispatch_unknown_request ",
	["skynet.select"] = " request ",
	["skynet.tasklist"] = " task uniqtask killthread ",
	["skynet.trace"] = " trace tracetag traceproto tracecall trace_timeout tracelog ",
	["skynet.require_task"] = " init ",
	["skynet.queue"] = " queue ",
	["skynet.debug"] = " info_func ",
	["skynet.core"] = " trash hpc harbor ",
	["skynet.scheduler"] = " rawsend redirect context genid term dispatch_message ",
	["skynet.protocols"] = " _proto ",
}

local function load_part(skynet, module, names)
	local part = lua_require(module)
	for name in names:gmatch "%S+" do
		-- What the service has put there itself stays.
		if rawget(skynet, name) == nil then
			skynet[name] = part
			if type(part) == "table" then skynet[name] = part[name] end
		end
	end
end

--- What `skynet[name]` is, with the part that brings it loaded; without a name, loads all.
---@param skynet table
---@param name? any
---@return any
return function(skynet, name)
	if name == nil then
		for module, names in pairs(PARTS) do load_part(skynet, module, names) end
	elseif type(name) == "string" then
		local word = " " .. name .. " "
		for module, names in pairs(PARTS) do
			if names:find(word, 1, true) then
				load_part(skynet, module, names)
				return rawget(skynet, name)
			end
		end
	end
	return nil
end
