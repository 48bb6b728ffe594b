---@meta skynet.websocket.codec
--- Frames of RFC 6455, native. Knows bytes only: sockets and the handshake are `http.websocket`'s.
local codec = {}

codec.CONTINUATION = 0
codec.TEXT = 1
codec.BINARY = 2
codec.CLOSE = 8
codec.PING = 9
codec.PONG = 10

--- One whole frame (FIN set, the shortest length form) as a string: what a TLS session wants.
--- Raises when the opcode is not 0 to 15, or the payload no string.
---@param opcode integer
---@param payload? string  none is empty
---@param masking_key? integer  its low 32 bits, first byte the highest; without one the frame is not masked
---@return string frame
function codec.frame(opcode, payload, masking_key) end

--- The same frame as an owned block, for `socketdriver.send(id, block, size)`: no Lua string is made.
--- Whoever does not send the block leaks it (`socketdriver.drop(block, size)` frees it).
---@param opcode integer
---@param payload? string
---@param masking_key? integer
---@return lightuserdata block
---@return integer size
function codec.pack(opcode, payload, masking_key) end

--- A decoder for one direction of one connection. It joins fragments, and gives control frames that come between
--- fragments at once.
---@param max? integer  most bytes of a frame and of a joined message; without it there is no limit
---@param rules? "any_mask"|"masked"|"unmasked"|"lenient"  what the peer must keep to. any_mask, the default: the RFC,
---                     but frames may be masked or not; masked: all that it asks of a client; unmasked: of a server;
---                     lenient: reserved bits, the bytes of texts, and what a close frame says do not matter
---@return skynet.websocket.decoder
function codec.decoder(max, rules) end

---@class skynet.websocket.decoder
local decoder = {}

--- Appends bytes of the stream, in any pieces, and then does what next() does.
---@param bytes string|lightuserdata  a block stays the caller's (it is copied)
---@param size? integer  of a block
---@return integer|false|nil opcode
---@return string? payload
---@return integer? close_code
function decoder:feed(bytes, size) end

--- The next message or control frame:
---   opcode, payload   TEXT or BINARY: a complete message (of the first fragment's opcode), unmasked;
---                     CLOSE, PING, PONG: that frame's payload
---   nil               more bytes are needed
---   false, err, code  the peer broke the protocol; every later call says the same. code is what a close frame should
---                     tell it (1002, 1007, 1009). err is one of
---                     "payload_len is too large", "invalid opcode <n>", "invalid control frame",
---                     "unexpected continuation frame", "unfinished fragmented message",
---                     "reserved bits without an extension", "unmasked frame of a client", "masked frame of a server",
---                     "text is not UTF-8", "invalid close frame"
--- The size of a frame is checked as soon as its header is there: no more than `max` is ever collected.
---
---     local op, data = decoder:next()
---     while op == nil do op, data = decoder:feed(read()) end
---@return integer|false|nil opcode
---@return string? payload
---@return integer? close_code
function decoder:next() end

--- Bytes held that next() has not given yet; 0 tells that the stream may end here cleanly.
---@return integer bytes
function decoder:held() end

return codec
