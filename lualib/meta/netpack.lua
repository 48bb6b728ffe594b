---@meta skynet.netpack
--- Streams cut into frames: 2 bytes length, high byte first (0 to 65535), then that many bytes.
local netpack = {}

---@class skynet.netpack.queue: userdata

--- The unpack function of a socket class that reads frames. Takes what a socket message holds and gives
---   queue                           nothing is complete
---   queue, "data", id, block, size  exactly one frame; the block is the receiver's
---   queue, "more"                   several frames: fetch them with netpack.pop until it gives nothing
---   queue, "open", id, address      a new connection
---   queue, "close", id              the stream ended; a frame that was not complete is dropped
---   queue, "error", id, text        so did this one
---   queue, "warning", id, k         k KiB wait to be sent; 0: drained
---   queue, "init", id, address, port  a connect event
---@param queue? skynet.netpack.queue  what the last call gave
---@param message lightuserdata
---@param size integer
---@return skynet.netpack.queue queue
---@return string? type
function netpack.filter(queue, message, size) end

--- The next complete frame, or no value. The block is the caller's: pass it on, or free it with
--- netpack.tostring or skynet.trash.
---@param queue? skynet.netpack.queue
---@return integer id
---@return lightuserdata block
---@return integer size
function netpack.pop(queue) end

--- A framed copy as an owned block, for socketdriver.send. Raises for 65536 bytes or more.
---@param data string|lightuserdata  a block stays the caller's
---@param size? integer  of a block
---@return lightuserdata block
---@return integer size
function netpack.pack(data, size) end

--- The bytes of a block, which is freed.
---@param block lightuserdata
---@param size integer
---@return string
function netpack.tostring(block, size) end

--- Frees everything that the queue holds. The queue stays usable.
---@param queue? skynet.netpack.queue
function netpack.clear(queue) end

return netpack
