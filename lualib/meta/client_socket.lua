---@meta client.socket
--- Sockets and stdin for clients that run in a plain Lua interpreter. Not for services: calls block the thread.
local socket = {}

--- Blocks until connected; the descriptor is non-blocking from then on. Raises `Connect <ip> <port> failed`.
---@param ip string  an IPv4 address
---@param port integer
---@return integer fd
function socket.connect(ip, port) end

--- Up to 4096 bytes that are there; "" when the peer has closed; no value when none are there.
--- Raises `socket error: <text>`.
---@param fd integer
---@return string? bytes
function socket.recv(fd) end

--- Blocks until all is sent. Raises `socket error: <text>`.
---@param fd integer
---@param bytes string
function socket.send(fd, bytes) end

--- Ends one direction or both.
---@param fd integer
---@param mode "r"|"w"|"rw"
function socket.shutdown(fd, mode) end

---@param fd integer
function socket.close(fd) end

---@param microseconds integer
function socket.usleep(microseconds) end

--- The next line of stdin, without its end; no value when there is none yet. From the moment this module is
--- loaded a thread reads stdin; when that ends, the process exits with status 1.
---@return string? line
function socket.readstdin() end

return socket
