--- A TCP server in front of another one, which a test can cut off, and which may hold what a client has sent first, or
--- answer it itself.
local skynet = require "skynet"
local socket = require "skynet.socket"

---@class tcp_proxy
---@field answers? fun(first: string): string?  what a client that begins so is answered, in place of the server
local proxy = {}
proxy.__index = proxy

--- Listens at a port of 127.0.0.1; what comes goes to another one.
---@async
---@param port integer
---@param to integer
function proxy.new(port, to)
	local self = setmetatable({ open = {}, to = to, seen = {}, cuts = 0 }, proxy)
	socket.start((socket.listen("127.0.0.1", port)), function(id)
		assert(socket.start(id))
		self:serve(id)
	end)
	return self
end

-- Passes on what comes until an end has gone, and then ends the other.
local function pump(from, to, take)
	while true do
		local bytes = socket.read(from)
		if not bytes then break end
		take(bytes)
		socket.write(to, bytes)
	end
	socket.close(to)
end

---@private
function proxy:is_held(first)
	return self.holds and first:find(self.holds, 1, true)
end

---@private
function proxy:serve(client)
	if self.is_cut then return socket.close(client) end
	local cuts = self.cuts
	local first = socket.read(client)
	if first and self:is_held(first) then
		self.held = self.held + 1
		repeat skynet.sleep(1) until not self:is_held(first)
	end
	local answer = first and self.answers and self.answers(first)
	if answer then
		socket.write(client, answer)
		return socket.close(client)
	end
	local server = first and socket.open("127.0.0.1", self.to)
	-- Cut off meanwhile, it was in no list of open ones.
	if not server or self.cuts ~= cuts then
		if server then socket.close(server) end
		return socket.close(client)
	end
	self.open[client], self.open[server] = true, true
	socket.write(server, first)
	skynet.fork(pump, server, client, function(bytes) self.seen[#self.seen + 1] = bytes end)
	pump(client, server, function() end)
	self.open[client], self.open[server] = nil, nil
end

--- Ends all connections. New ones are ended at once until heal().
---@async
function proxy:cut()
	self.is_cut = true
	self.cuts = self.cuts + 1
	self:reset()
end

function proxy:heal()
	self.is_cut = nil
end

--- Ends all connections that there are.
---@async
function proxy:reset()
	local open = self.open
	self.open = {}
	for id in pairs(open) do socket.close(id) end
end

--- Connections whose first bytes contain `text` get no further until release(). `held` counts them.
function proxy:hold(text)
	self.holds, self.held = text, 0
end

function proxy:release()
	self.holds = nil
end

--- Whether the server has ever sent `text`, in one piece.
function proxy:has_seen(text)
	for _, bytes in ipairs(self.seen) do
		if bytes:find(text, 1, true) then return true end
	end
	return false
end

return proxy
