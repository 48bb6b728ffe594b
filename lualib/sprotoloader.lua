--- Schemas that all services of the process share, of both engines: each is parsed once, and found by its slot.
local core = require "sproto.core"
local sproto = require "sproto"

local loader = {}

--- Slots are 0 .. 15; others raise "Invalid global slot index".
---@param bundle string  as sprotoparser.parse makes it
---@param slot integer
function loader.save(bundle, slot)
	local cobj = core.newproto(bundle)
	if not cobj then error("sprotoloader.save: the bundle is damaged", 2) end
	core.saveproto(cobj, slot)
end

--- Reads the text of a schema from a file.
---@param filename string
---@param slot integer
function loader.register(filename, slot)
	local file, reason = io.open(filename, "rb")
	if not file then error(string.format("Can't open sproto file %s: %s", filename, reason), 2) end
	local text = file:read "*a"
	file:close()
	loader.save(require("sprotoparser").parse(text, filename), slot)
end

--- What was saved in a slot; raises "nil sproto at index" when that was nothing.
---@param slot integer
---@return sproto.object
function loader.load(slot)
	return sproto.sharenew(core.loadproto(slot))
end

return loader
