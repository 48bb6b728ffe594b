--- Read and write functions over a socket id, as the http modules take them. All raise when the stream ends.
local socket = require "skynet.socket"
local internal = require "http.internal"

local sockethelper = {}

-- Every error raised here is a value of its own, with its own text; all are equal to socket_error.
local error_meta = {}
error_meta.__eq = function(a, b) return getmetatable(a) == getmetatable(b) end
error_meta.__tostring = function(self)
	return self.what and "[Socket Error] : " .. self.what or "[Socket Error]"
end

--- `err == sockethelper.socket_error` tells a failed or ended connection.
sockethelper.socket_error = setmetatable({}, error_meta)

--- An error that is equal to socket_error.
---@param what string
---@return table
function sockethelper.new_error(what)
	return setmetatable({ what = what }, error_meta)
end

--- Raises an error that is equal to socket_error.
---@param what string
function sockethelper.raise(what)
	error(sockethelper.new_error(what))
end

local raise = sockethelper.raise
local socket_read, socket_write = socket.read, socket.write

---@class http.sockethelper.source : http.source
---@field id integer
local source = {}
source.__index = source

function source:unread(bytes)
	socket.unread(self.id, bytes)
end

function source:holds()
	return socket.held(self.id) > 0
end

function source:write(bytes)
	socket_write(self.id, bytes)
end

--- `read(n)` gives exactly n bytes, `read()` what is there, at least one byte.
---@param id integer
---@param pre? string  bytes to be read first
---@return fun(n?: integer): string read  blocks
function sockethelper.readfunc(id, pre)
	if pre then socket.unread(id, pre) end
	local function read(n)
		local bytes = socket_read(id, n)
		if bytes then return bytes end
		raise("read failed fd = " .. id)
	end
	internal.register(read, setmetatable({ id = id }, source))
	return read
end

---@param id integer
---@return fun(bytes: string) write
function sockethelper.writefunc(id)
	return function(bytes)
		if not socket_write(id, bytes) then raise("write failed fd = " .. id) end
	end
end

--- Everything until the stream ends.
---@async
---@param id integer
---@return string
function sockethelper.readall(id)
	return socket.readall(id) or ""
end

---@async
---@param host string
---@param port integer
---@param timeout? integer  cs
---@return integer id
function sockethelper.connect(host, port, timeout)
	local id, err = socket.open(host, port, timeout)
	if id then return id end
	raise(string.format("connect failed host = %s port = %s timeout = %s err = %s is_time_out = %s",
		host, port, timeout, err, err == "timed out"))
end

sockethelper.close = socket.close
sockethelper.shutdown = socket.shutdown

return sockethelper
