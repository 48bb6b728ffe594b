---@meta skynet.mongo.compression
--- OP_COMPRESSED of MongoDB's wire protocol.
local compression = {}

--- The message inside of an OP_COMPRESSED message.
---@param message string  with its length
---@param name "snappy"|"zlib"|"zstd"
---@param level? integer  of zlib: -1 (its default) to 9
---@return string compressed  a message with its length
function compression.deflate(message, name, level) end

--- What is in an OP_COMPRESSED message; another one comes back as it is. Raises for what is damaged, and before
--- anything is inflated for what is too large.
---@param rest string  what follows the length of a message
---@return string rest  what would follow the length of the message inside
function compression.inflate(rest) end

return compression
