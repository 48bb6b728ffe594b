---@meta skynet.db.mysql.codec
--- MySQL's protocol, native. Knows bytes only: connections are `skynet.db.mysql`'s.
local codec = {}

--- Packets with any payload; one of 2^24 - 1 bytes or more goes in pieces.
---@param number integer  of the first one
---@param payload string
---@return string bytes
function codec.packet(number, payload) end

--- A request: COM_QUERY and its like.
---@param code integer
---@param text? string
---@return string bytes
function codec.command(code, text) end

--- A request about a prepared statement.
---@param code integer
---@param id integer
---@return string bytes
function codec.on_statement(code, id) end

--- COM_STMT_EXECUTE. Raises when there are not `count` values, and for values that are neither nil, boolean, number
--- nor string.
---@param code integer
---@param id integer
---@param count integer
---@param ... any
---@return string bytes
function codec.execute(code, id, count, ...) end

--- A string as SQL writes it, in single quotes.
---@param text string
---@return string
function codec.quote(text) end

--- What a server begins with; nil: that is no greeting.
---@param payload string
---@return { version: string, scramble: string, plugin: string, tls: boolean, plugin_auth: boolean }?
function codec.greeting(payload) end

--- The answer to a greeting; without a user the request for TLS, which goes before it.
---@param capabilities integer
---@param max_packet integer
---@param collation integer
---@param user? string
---@param token? string  at most 255 bytes
---@param database? string
---@param plugin? string
---@return string payload
function codec.login(capabilities, max_packet, collation, user, token, database, plugin) end

--- What a server asks for that wants another authentication plugin; nil: it is no such packet.
---@param payload string
---@return string? plugin
---@return string? scramble
function codec.auth_switch(payload) end

--- An error packet; nil: it is none.
---@param payload string
---@return skynet.db.mysql.bad?
function codec.failure(payload) end

--- A reader for one connection.
---@return skynet.db.mysql.reader
function codec.reader() end

---@class skynet.db.mysql.reader
local reader = {}

---@param bytes string
function reader:feed(bytes) end

---@param block lightuserdata  from malloc; changes hands
---@param size integer
function reader:take(block, size) end

--- The next result of the reply: nothing when more bytes are needed; a table, whether another one follows, and the bytes
--- held behind it; or false, what the server sent that it must not, and whether that was only a packet in the wrong place.
---@param reply integer  0: to a query, 1: to an execute, 2: to a prepare; counts for the first result of a reply
---@param compact? boolean  rows are lists
---@return table|false|nil result
---@return boolean|string|nil more
---@return integer|boolean|nil held
function reader:next(reply, compact) end

--- The next packet as it is, for the login.
---@return string? payload  nil: more bytes are needed
---@return integer? number
function reader:packet() end

--- Bytes that are part of no packet that was read.
---@return integer
function reader:held() end

return codec
