--- Shared data by hand: images of tables, known by their addresses, with counted references.
local core = require "skynet.sharedata.core"

local corelib = {}

--- The object that shows an image; the object holds a reference.
---@param image lightuserdata
---@return table
corelib.box = core.box

--- Makes an object, and all of its parts, show another image.
---@param object table
---@param image lightuserdata
corelib.update = core.update

--- Moves all objects of this service to the current versions of their documents.
corelib.flush = core.sync_all

--- An ordinary copy of an image, or of what is at the keys `...`.
---@param image lightuserdata
---@param ... string|integer
---@return any
corelib.copy = core.copy_image

--- The next key and value of an object.
corelib.next = next

corelib.host = {
	--- An image of a table, with one reference.
	---@param tbl table
	---@return lightuserdata
	new = core.host_new,

	--- Gives back the reference of the one that made the image.
	---@param image lightuserdata
	delete = core.host_decref,

	---@return integer references
	getref = core.host_getref,

	---@return integer references
	incref = core.host_incref,

	---@return integer references
	decref = core.host_decref,

	--- Objects find new versions by themselves; nothing is left to do.
	markdirty = function() end,
}

return corelib
