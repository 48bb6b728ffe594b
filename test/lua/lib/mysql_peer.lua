--- The server's side of MySQL's protocol, for scripted peers, and a client that logs in to them.
local skynet = require "skynet"
local socket = require "skynet.socket"
local mysql = require "skynet.db.mysql"
local net = require "net"

local peer = { scramble = "12345678abcdefghijkl" }

-- Raised to end a handler whose client has gone.
local gone = {}
peer.gone = gone

--- `size` bytes of a number, the lowest first.
function peer.number(n, size)
	local bytes = {}
	for i = 1, size do
		bytes[i] = string.char(n % 256)
		n = math.floor(n / 256)
	end
	return table.concat(bytes)
end
local number = peer.number

function peer.packet(seq, payload)
	return number(#payload, 3) .. string.char(seq % 256) .. payload
end

function peer.text(bytes)
	if #bytes < 251 then return string.char(#bytes) .. bytes end
	return "\253" .. number(#bytes, 3) .. bytes
end

--- What a server begins with. options: plugin, tls, capabilities (of the upper half), version
function peer.greeting(options)
	options = options or {}
	local low = 0xf7ff + (options.tls and 0x800 or 0)
	local plugin = options.plugin or "mysql_native_password"
	return peer.packet(0, "\10" .. (options.version or "8.4.0") .. "\0" .. number(7, 4) .. peer.scramble:sub(1, 8) .. "\0" .. number(low, 2)
		.. "\33" .. number(2, 2) .. number(options.capabilities or 0xf, 2) .. "\21" .. ("\0"):rep(10) .. peer.scramble:sub(9) .. "\0"
		.. plugin .. "\0")
end

function peer.ok(seq, affected, status)
	return peer.packet(seq, "\0" .. string.char(affected or 0) .. "\0" .. number(status or 2, 2) .. number(0, 2))
end

function peer.failure(seq, errno, state, text)
	return peer.packet(seq, "\255" .. number(errno, 2) .. "#" .. state .. text)
end

function peer.eof(seq, status)
	return peer.packet(seq, "\254" .. number(0, 2) .. number(status or 2, 2))
end

function peer.column(seq, name, kind, flags, decimals)
	return peer.packet(seq, peer.text "def" .. ("\0"):rep(3) .. peer.text(name) .. peer.text(name) .. "\12" .. number(33, 2) .. number(100, 4)
		.. string.char(kind) .. number(flags or 0, 2) .. string.char(decimals or 0) .. "\0\0")
end

--- Columns of {name, type, flags, decimals} and rows that are payloads. → bytes, the number of the next packet
function peer.rows(columns, rows, status)
	local parts, seq = { peer.packet(1, string.char(#columns)) }, 1
	local function add(make, ...)
		seq = seq + 1
		parts[#parts + 1] = make(seq % 256, ...)
	end
	for _, column in ipairs(columns) do add(peer.column, (table.unpack or unpack)(column)) end
	add(peer.eof, status)
	for _, row in ipairs(rows) do add(peer.packet, row) end
	add(peer.eof, status)
	return table.concat(parts), seq + 1
end

--- The answer to a prepare without parameters.
function peer.prepared(id, columns)
	local parts = { peer.packet(1, "\0" .. number(id, 4) .. number(#columns, 2) .. number(0, 2) .. "\0" .. number(0, 2)) }
	for i, column in ipairs(columns) do parts[i + 1] = peer.column(i + 1, (table.unpack or unpack)(column)) end
	if #columns > 0 then parts[#parts + 1] = peer.eof(#columns + 2) end
	return table.concat(parts)
end

---@class mysql_peer.connection
local connection = {}
connection.__index = connection

--- The next packet: payload, number. Ends the handler when the client has gone.
function connection:receive()
	local head = self.read(4)
	return self.read(head:byte(1) + head:byte(2) * 256 + head:byte(3) * 65536), head:byte(4)
end

function connection:write(bytes)
	self.send(bytes)
end

--- One byte at a time.
function connection:drip(bytes)
	for i = 1, #bytes do
		self.send(bytes:sub(i, i))
		skynet.yield()
	end
end

--- Greets, takes any login, and accepts it.
function connection:accept(options)
	self:write(peer.greeting(options))
	local login = self:receive()
	self:write(peer.ok(2))
	return login
end

--- Waits until the client closes.
function connection:wait_for_end()
	while true do self.read() end
end

--- A server: serve(connection, number) runs for each connection, which is closed when that returns. → its port, and
--- what went wrong in serve
function peer.listen(serve)
	local failures, connections = {}, 0
	local _, port = net.serve(function(id)
		connections = connections + 1
		local function read(n)
			local bytes = socket.read(id, n)
			if not bytes then error(gone, 0) end
			return bytes
		end
		local self = setmetatable({ id = id, read = read, send = function(bytes) socket.write(id, bytes) end }, connection)
		local ok, err = pcall(serve, self, connections)
		if not ok and err ~= gone then failures[#failures + 1] = tostring(err) end
	end)
	return port, failures
end

--- A server that accepts logins and answers each command by answer(payload, number of the connection); nil: by nothing,
--- "close": by leaving. → its port
function peer.serving(answer)
	return (peer.listen(function(c, n)
		c:accept()
		while true do
			local bytes = answer(c:receive(), n)
			if bytes == "close" then return end
			if bytes then c:write(bytes) end
		end
	end))
end

--- A client of the server at a port.
function peer.client(port, conf)
	conf = conf or {}
	conf.host, conf.port = "127.0.0.1", port
	conf.user, conf.password = conf.user or "me", conf.password or "secret"
	return mysql.connect(conf)
end

return peer
