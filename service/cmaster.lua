--- The master of a harbor network: knows the nodes and the global names, and tells every node of both.
local skynet = require "skynet"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local master = require "skynet.harbor.master"

-- A connection has so long for its first packet, in 1/100 s, and there may be so many that have not sent it yet.
local HANDSHAKE_TICKS = 1000
local MAX_STRANGERS = 256
-- A slave that leaves so many KiB unread is sent away.
local MAX_UNSENT = 16 * 1024
local MAX_NAMES = 1024 * 1024

---@class cmaster.slave
---@field id integer
---@field fd integer
---@field address string

local slaves = {} ---@type table<integer, cmaster.slave>  by id
local names = {} ---@type table<string, integer>
local name_count = 0
local strangers = 0

local function tell_all(packet, but)
	for id, slave in pairs(slaves) do
		if id ~= but then socket.write(slave.fd, packet) end
	end
end

-- The names of a node that has gone are free: when it comes back, its services have other handles.
local function forget_names(id)
	for name, handle in pairs(names) do
		if math.floor(handle / 0x1000000) == id then
			names[name] = nil
			name_count = name_count - 1
		end
	end
end

-- An id is free once the connection of its last owner has ended. (With skynet it is spent for the master's life.)
local function join(fd, letter, id, address)
	if letter == nil then return nil, "closed before it told its id" end
	if not letter then return nil, id end
	if letter ~= "H" then return nil, "the first packet is " .. letter .. ", not H" end
	if slaves[id] then return nil, ("harbor %d is connected already, from %s"):format(id, slaves[id].address) end
	local others = 0
	for _ in pairs(slaves) do others = others + 1 end
	tell_all(master.encode("C", id, address))
	slaves[id] = { id = id, fd = fd, address = address }
	socket.write(fd, master.encode("W", others))
	skynet.error(("Harbor %d (fd = %d) is at %s"):format(id, fd, address))
	return slaves[id]
end

local function register(name, handle)
	if not names[name] then
		if name_count >= MAX_NAMES then
			skynet.error("Too many global names: " .. name .. " is not kept")
			return
		end
		name_count = name_count + 1
		names[name] = handle
	end
	tell_all(master.encode("N", name, handle))
end

-- Until the connection ends, or what comes is no packet: then why.
local function serve(slave)
	local sender = "harbor " .. slave.id
	local request = {
		R = register,
		Q = function(name)
			if names[name] then socket.write(slave.fd, master.encode("N", name, names[name])) end
		end,
	}
	local ok, err
	repeat
		ok, err = master.dispatch(request, sender, master.read(slave.fd))
	until not ok
	return err or "closed"
end

local function leave(slave)
	slaves[slave.id] = nil
	forget_names(slave.id)
	tell_all(master.encode("D", slave.id))
end

local function accept(fd, from)
	if strangers >= MAX_STRANGERS then
		socket.close_fd(fd)
		return
	end
	if not socket.start(fd) then return end
	strangers = strangers + 1
	-- The id of a node whose host has vanished is free again.
	driver.dead_after(fd, master.DEAD_SECONDS)
	local slave, reason
	skynet.timeout(HANDSHAKE_TICKS, function()
		if not slave and not reason then
			reason = "it does not tell its id"
			socket.close(fd)
		end
	end)
	socket.warning(fd, function(_, kbytes)
		if kbytes > MAX_UNSENT then
			skynet.error(("fd = %d does not read, %d K bytes wait for it"):format(fd, kbytes))
			socket.shutdown(fd)
		end
	end)
	local ok, result, err = pcall(function() return join(fd, master.read(fd)) end)
	strangers = strangers - 1
	if ok and result then
		slave = result
		ok, err = pcall(serve, slave)
		leave(slave)
	elseif not ok then
		err = result
	end
	reason = reason or err
	socket.close(fd)
	skynet.error(("disconnect fd = %d (%s): %s"):format(fd, slave and "harbor " .. slave.id or from, tostring(reason)))
end

skynet.start(function()
	local address = assert(skynet.getenv "standalone", "cmaster: the option `standalone` is missing")
	skynet.error("master listens on " .. address)
	local ok, fd = pcall(socket.listen, address)
	if not ok then error(("cmaster: cannot listen on %s, the option `standalone`: %s"):format(address, (fd:gsub("^.*Listen error: ", ""):gsub("^%S+:%d+: ", ""))), 0) end
	socket.start(fd, accept)
end)
