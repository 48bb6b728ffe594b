---@meta skynet.db.redis.codec
--- Redis' protocol, RESP2 and RESP3, native. Knows bytes only: connections are `skynet.db.redis`'s.
local codec = {}

--- A command as a server reads it. A table in place of the first argument is the whole list (`n` or `#` of them);
--- a first argument of nil drops the rest. Other nils raise.
---@param name string
---@param ... any  by tostring(); whole numbers with all their digits, on LuaJIT too
---@return string bytes
function codec.command(name, ...) end

--- What an argument is written as.
---@param value any
---@return string
function codec.text(value) end

--- Many commands, one after the other. Raises for an operation that is no table, is empty, or has a hole.
---@param operations any[][]  lists { command, argument ... }
---@return string bytes
function codec.pipeline(operations) end

--- CRC-16/XMODEM.
---@param bytes string
---@return integer crc  0 to 65535
function codec.crc16(bytes) end

--- A reader for one connection.
---@return skynet.db.redis.reader
function codec.reader() end

---@class skynet.db.redis.reader
local reader = {}

--- Takes a block that a socket has received; the reader owns it from then on, also when this raises.
---@param block lightuserdata
---@param size integer
function reader:take(block, size) end

--- Adds bytes.
---@param bytes string
function reader:feed(bytes) end

--- The next answer to a command, if it is there as a whole; pushes of RESP3 are dropped. Raises on bytes that no server
--- sends; then nothing is read any more.
---@return boolean? ok  nil: more bytes are needed; false: the value is an error text, or a list with one in it
---@return any value
---@return integer? held  bytes behind it
function reader:next() end

--- Whether the next answer is there as a whole; drops pushes, and raises, as next() does.
---@return boolean
function reader:has_answer() end

--- The same as next(), pushes of RESP3 included.
---@return boolean? ok
---@return any value
---@return integer? held
function reader:any() end

--- Appends { ok =, out = } to `results` for each answer that is there, `count` of them at most.
---@param count integer
---@param results table
---@return integer left  how many of `count` are still to come
function reader:collect(count, results) end

--- Bytes held that are part of no reply taken.
---@return integer
function reader:held() end
