--- How the task of a message begins whose protocol has an `unpack` of its own. Loaded at the first such message.
local scheduler = require "skynet.scheduler"

-- A tail call: once `dispatch` runs, nothing of this is on the stack, by which the scheduler knows that the message has
-- been read.
local function unpack_first(dispatch, unpack, message, size, session, source)
	return dispatch(session, source, unpack(message, size))
end

scheduler.adopt { unpack_first = unpack_first }

return unpack_first
