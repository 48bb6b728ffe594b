--- A server of framed connections (2 bytes of length, big-endian, before each frame): its socket loop, to which
--- a service gives handlers.
local skynet = require "skynet"
local driver = require "skynet.socketdriver"
local netpack = require "skynet.netpack"
local engine = require "skynet.engine"

local gateserver = {}

local queue        -- of netpack: frames and pieces of frames that have come
local listen_id
local listening    -- the open() that waits for its address
local max_client, nodelay, send_limit

-- Every connection that handler.connect() has heard of and closeclient() has not freed. "open"; "closing":
-- closeclient() was called, the close event is on its way; "ended": the other way round.
---@type table<integer, string>
local connections = {}
local client_count = 0

-- When the service ends, so does all it holds. The queue frees its frames itself; it may have gone before this runs.
local guard = engine.finalizer(function()
	if listen_id then driver.close(listen_id) end
	for id in pairs(connections) do driver.close(id) end
end)
gateserver.guard = guard

--- Starts to read a connection.
---@param id integer
function gateserver.openclient(id)
	if connections[id] == "open" then driver.start(id) end
end

--- Closes a connection, and frees one whose peer has closed. Bytes written before are sent.
---@param id integer
function gateserver.closeclient(id)
	local state = connections[id]
	if state == "open" then
		connections[id] = "closing"
		driver.close(id)
	elseif state == "ended" then
		connections[id] = nil
		driver.close(id)
	end
end

-- The stream has ended. True when the service has to hear of it.
local function ended(id)
	local state = connections[id]
	if state ~= "open" and state ~= "closing" then return false end
	client_count = client_count - 1
	connections[id] = state == "open" and "ended" or nil
	return true
end

local function listen(conf)
	local address, port = conf.address, conf.port
	if port or not address then address = address or "0.0.0.0" end
	listen_id = driver.listen(address, port, conf.backlog)
	local this = { id = listen_id }
	listening = this
	while not this.done do skynet.wait(this) end
	listening = nil
	if this.failure then
		listen_id = nil
		error(string.format("Listen error: %s:%s: %s", address or "0.0.0.0", port or "", this.failure))
	end
	conf.address, conf.port = this.address, this.port
	skynet.error("Listen on", conf.address, conf.port)
	driver.start(listen_id)
end

-- An option that is a number; what comes from the config (skynet.getenv) is a text.
local function number_of(conf, key)
	local value = conf[key]
	if value == nil then return nil end
	return tonumber(value) or error(string.format("the gate's %s is not a number: %s", key, tostring(value)), 0)
end

local function open(handler, source, conf)
	assert(not listen_id)
	local clients, limit = number_of(conf, "maxclient"), number_of(conf, "sendlimit")
	max_client = clients or 1024
	nodelay = conf.nodelay
	send_limit = limit
	listen(conf)
	if not handler.open then return end
	local results = engine.pack(pcall(handler.open, source, conf))
	if results[1] then return engine.unpack(results, 2, results.n) end
	driver.close(listen_id)
	listen_id = nil
	error(results[2], 0)
end

local function close()
	assert(listen_id)
	driver.close(listen_id)
	listen_id = nil
end

local function listened(failure, address, port)
	if not listening or listening.done then return end
	listening.done, listening.failure, listening.address, listening.port = true, failure, address, port
	skynet.wakeup(listening)
end

local function dispatch_commands(handler)
	local function answer(session, ...)
		if session ~= 0 then skynet.ret(skynet.pack(...)) end
	end
	skynet.dispatch("lua", function(session, source, cmd, ...)
		if cmd == "open" then
			answer(session, open(handler, source, ...))
		elseif cmd == "close" then
			answer(session, close())
		else
			answer(session, handler.command(cmd, source, ...))
		end
	end)
end

-- The function for each kind of event that netpack.filter() gives.
local function events(handler)
	local message = {}
	local on_message = handler.message

	local function dispatch(id, data, size)
		if connections[id] == "open" then
			on_message(id, data, size)
		else
			skynet.error(string.format("Drop message from fd (%d) : %s", id, netpack.tostring(data, size)))
		end
	end

	local function drain()
		local id, data, size = netpack.pop(queue)
		if not id then return end
		-- goes on with the other frames should a handler block, or raise
		skynet.fork(drain)
		repeat
			dispatch(id, data, size)
			id, data, size = netpack.pop(queue)
		until not id
	end

	message.data = dispatch
	message.more = drain

	function message.open(id, address)
		if not listen_id or client_count >= max_client then return driver.shutdown(id) end
		connections[id] = "open"
		client_count = client_count + 1
		if nodelay then driver.nodelay(id) end
		if send_limit then driver.sendlimit(id, send_limit) end
		handler.connect(id, address)
	end

	function message.close(id)
		if ended(id) and handler.disconnect then handler.disconnect(id) end
	end

	function message.error(id, reason)
		if id == listen_id then
			if listening then return listened(reason) end
			return skynet.error("gateserver: accept failed:", reason)
		end
		if not ended(id) then return end
		connections[id] = nil
		driver.shutdown(id)
		if handler.error then handler.error(id, reason) end
	end

	function message.warning(id, kbytes)
		if handler.warning then handler.warning(id, kbytes) end
	end

	function message.init(id, address, port)
		if listening and id == listening.id then listened(nil, address, port) end
	end

	return message
end

---@class snax.gateserver.handler
---@field connect fun(id: integer, address: string)  nothing is read before openclient(id)
---@field message fun(id: integer, data: lightuserdata, size: integer)  a frame, owned by the handler. In order for
---                                                  each connection as long as it does not block
---@field disconnect? fun(id: integer)  the stream has ended, by either side; closeclient(id) is still due
---@field error? fun(id: integer, reason: string)  the id is gone
---@field warning? fun(id: integer, kbytes: integer)
---@field open? fun(source: integer, conf: table): any  its results are the reply to `open`
---@field command? fun(cmd: string, source: integer, ...): any  its results are the reply
---@field embed? boolean  only install the dispatchers, do not start the service

--- Runs the service. Its lua commands: `open(conf)`, `close`, and those of handler.command.
---
--- conf: address ("0.0.0.0"), port (nil: it is part of address; 0: any), maxclient (1024), nodelay, backlog,
--- sendlimit (bytes that may wait for a client that does not read; without it, any number; beyond it handler.error). The
--- address and port bound are put into it.
---@param handler snax.gateserver.handler
function gateserver.start(handler)
	assert(handler.message)
	assert(handler.connect)
	local message = events(handler)

	skynet.register_protocol {
		name = "socket",
		id = skynet.PTYPE_SOCKET,
		unpack = function(msg, sz)
			return netpack.filter(queue, msg, sz)
		end,
		dispatch = function(_, _, q, kind, ...)
			queue = q
			if kind then message[kind](...) end
		end,
	}

	if handler.embed then
		dispatch_commands(handler)
	else
		skynet.start(function() dispatch_commands(handler) end)
	end
end

return gateserver
