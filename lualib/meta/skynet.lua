---@meta
--- The native functions of skynet (runtime-src/lua): those of every service.
---@class skynet
local skynet = {}

-- ---- tasks: coroutines that may block ----

--- Runs `f` once the current task blocks or ends.
---@param f async fun(...)
---@return thread
function skynet.fork(f, ...) end

--- Runs `f` in `ticks` / 100 s.
---@param ticks integer
---@param f async fun()
---@return thread
function skynet.timeout(ticks, f) end

---@async
---@param ticks integer  1/100 s
---@param token? any  who calls wakeup(token) ends the sleep; default: the running coroutine
---@return "BREAK"? reason  when it was ended so
function skynet.sleep(ticks, token) end

--- Lets all messages that are queued go first.
---@async
function skynet.yield() end

--- Blocks until wakeup(token).
---@async
---@param token? any  default: the running coroutine
function skynet.wait(token) end

---@param token any
---@return true?  nil: nobody sleeps or waits on it
function skynet.wakeup(token) end

-- ---- messages ----

---@param address integer|string  handle, `:hex`, `.name` or a global name
---@param protocol string
---@return integer?  0; nothing without such a service; false when the message is too large
function skynet.send(address, protocol, ...) end

--- Sends a request and waits for the answer. Raises when there will be none.
---@async
---@param address integer|string
---@param protocol string
---@return any ...
function skynet.call(address, protocol, ...) end

--- The same without packing and unpacking.
---@async
---@param message string|lightuserdata
---@param size? integer
---@return lightuserdata message, integer size
function skynet.rawcall(address, protocol, message, size) end

--- Answers the current request.
---@param message string|lightuserdata
---@param size? integer
---@return boolean delivered
function skynet.ret(message, size) end

---@return boolean delivered
function skynet.retpack(...) end

--- The current request is not answered here.
function skynet.ignoreret() end

---@return lightuserdata message, integer size  the caller's to free or to send
function skynet.pack(...) end

---@return string
function skynet.packstring(...) end

---@param message lightuserdata|string
---@param size? integer
---@return any ...
function skynet.unpack(message, size) end

---@param message lightuserdata
---@param size integer
---@return string
function skynet.tostring(message, size) end

-- ---- protocols ----

--- Makes a message type known by name.
---@param class { name: string, id: integer, pack?: function, unpack?: function, dispatch?: function, trace?: boolean }
function skynet.register_protocol(class) end

--- Sets what handles requests of a protocol; without `f` only asks.
---@param protocol string
---@param f? async fun(session: integer, source: integer, ...)
---@return function? previous
function skynet.dispatch(protocol, f) end

-- ---- the service ----

---@return integer handle
function skynet.self() end

---@param address integer|string
---@return string  `:%08x` of a handle, anything else as a string
function skynet.address(address) end

---@param key string
---@return string?
function skynet.getenv(key) end

---@return integer  1/100 s since the node started
function skynet.now() end

--- Writes a line to the log.
function skynet.error(...) end

--- Ends this service. Never returns.
function skynet.exit() end
