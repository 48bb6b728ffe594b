-- Reads datasheets by their addresses, as programs do that bring a datasheet library of their own.
local skynet = require "skynet"
local core = require "skynet.datasheet.core"
local engine = skynet.engine()

local object, part
local command = {
	engine = function() return engine end,
	show = function(pointer)
		if object then core.update(object, pointer) else object = core.new(pointer) end
	end,
	read = function(...)
		local value = object
		for _, key in ipairs { ... } do value = value[key] end
		return type(value) == "table" and "table" or value
	end,
	hold = function(key) part = object[key] end,
	part = function(key) return part[key] end,
}

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...) skynet.ret(skynet.pack(command[name](...))) end)
end)
