---@meta skynet.cluster.core
--- The packets of the cluster's protocol (lualib-src/cluster/frame.h), for programs that speak it themselves.
local core = {}

--- A request. Frees the message, also when it raises.
---@param address integer|string
---@param session integer  1 to 2^31 - 1
---@param msg lightuserdata
---@param sz integer
---@return string packet  with its length in front
---@return integer next_session
---@return string[]? parts  packets that follow, when the message has 0x8000 bytes or more
function core.packrequest(address, session, msg, sz) end

--- The same for a message that wants no answer.
function core.packpush(address, session, msg, sz) end

--- The tag of the request that comes next.
---@param tag string
---@return string packet
function core.packtrace(tag) end

--- What a packet says, without its length. A request: address, session, msg, sz; for a push nil and true follow. The head of a
--- large one: address, session, nil, total, true, whether it is a push. A part: false, session, msg, sz, whether more follow.
--- A trace: its tag. The message is the caller's. Raises for anything else.
---@param msg string|lightuserdata
---@param sz? integer
function core.unpackrequest(msg, sz) end

--- An answer; for one of more than 0x8000 bytes a list of packets. Does not free the message.
---@param session integer
---@param ok boolean  false: the data is the text of an error
---@param msg lightuserdata|string
---@param sz? integer
---@return string|string[] packets
function core.packresponse(session, ok, msg, sz) end

--- What an answer says, without its length; nothing when it is none. The head of a large one has its size as data.
---@param packet string
---@return integer? session
---@return boolean? ok
---@return string|integer? data
---@return boolean? more
function core.unpackresponse(packet) end

--- Appends the bytes to the list, and frees the message. Without one, appends `sz`.
---@param list table
---@param msg? lightuserdata
---@param sz integer
function core.append(list, msg, sz) end

--- Joins a list of a size and strings; nothing unless they add up.
---@param list table
---@return lightuserdata? msg  the caller's
---@return integer? sz
function core.concat(list) end

--- Whether it is a string that begins with "@".
---@return true?
function core.isname(name) end

--- The host's name and the id of this process.
---@return string
function core.nodename() end

return core
