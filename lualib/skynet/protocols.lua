--- The protocols of a service, for those who look behind skynet.register_protocol and skynet.dispatch. A part of skynet.
return {
	---@type table<string|integer, table>  by name and by type
	_proto = require "skynet.scheduler".expose_protocols(),
}
