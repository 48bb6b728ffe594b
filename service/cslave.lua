--- `.cslave` of a node in a harbor network: talks with the master, connects the nodes, keeps the global names.
---
--- A node that joins listens until those that were there before have connected to it; later ones it connects to itself.
--- The connections, once both nodes have told their ids, belong to the service `harbor`.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local driver = require "skynet.socketdriver"
local master = require "skynet.harbor.master"

-- In 1/100 s: how long the master and other nodes may take to answer, and the pauses between attempts to come back to a
-- master that was lost.
local CONNECT_TICKS = 500
local HANDSHAKE_TICKS = 1000
-- The start waits no longer for nodes that the master knows.
local START_TICKS = CONNECT_TICKS + HANDSHAKE_TICKS
local FIRST_PAUSE, LONGEST_PAUSE = 20, 500
local DOT = 46

local own_id ---@type integer
local own_address, master_address ---@type string, string
local harbor_service ---@type integer

local master_fd ---@type integer?  while the master is connected
local connected = {} ---@type table<integer, true>  nodes that are, or are being, connected
local names = {} ---@type table<string, integer>
local own_names = {} ---@type table<string, integer>  registered on this node
local expected ---@type integer?  nodes that have yet to connect to this one; unknown until the master has answered
local early = 0 -- nodes that have connected before that
local listener ---@type integer?
local all_here ---@type table?  a token: the start waits until no node is expected any more

-- Answers to those who wait.
local name_queries = {} ---@type table<string, function[]>
local links, connects = {}, {} ---@type table<integer, function[]>, table<integer, function[]>
local master_links = {} ---@type function[]

local function answer_all(answers, ...)
	for _, answer in ipairs(answers or {}) do answer(...) end
end

local function wait_in(waiting, key)
	waiting[key] = waiting[key] or {}
	table.insert(waiting[key], skynet.response())
end

skynet.register_protocol {
	name = "harbor",
	id = skynet.PTYPE_HARBOR,
	pack = function(...) return ... end,
	unpack = skynet.tostring,
}

local function tell_harbor(text, source)
	skynet.redirect(harbor_service, source or skynet.self(), "harbor", 0, text)
end

local function tell_master(...)
	if master_fd then socket.write(master_fd, master.encode(...)) end
end

-- ---- nodes ----------------------------------------------------------------------------------------------------------

-- Answers those that wait for a node or a name.
local function answer_waiting(waiters, key, ...)
	local waiting = waiters[key]
	waiters[key] = nil
	answer_all(waiting, true, ...)
end

local function node_up(id)
	connected[id] = true
	answer_waiting(connects, id)
end

local function node_down(id)
	connected[id] = nil
	answer_waiting(links, id)
end

local function stop_listening()
	if listener then socket.close(listener) end
	listener = nil
end

local function all_have_come()
	if all_here then
		skynet.wakeup(all_here)
	else
		skynet.fork(stop_listening)
	end
end

local function one_less()
	if not expected then
		early = early + 1
		return
	end
	if expected == 0 then return end
	expected = expected - 1
	if expected == 0 then all_have_come() end
end

-- A connection of another node: its first byte is its id.
local function accept(fd, from)
	if not socket.start(fd) then return end
	local late = true
	skynet.timeout(HANDSHAKE_TICKS, function()
		if late then socket.close(fd) end
	end)
	local byte = socket.read(fd, 1)
	late = false
	local id = byte and byte:byte()
	-- A node says nothing more before it has our answer.
	if not id or id == 0 or id == own_id or socket.held(fd) > 0 then
		skynet.error(("A connection from %s is none of a node: closed"):format(from))
		socket.close(fd)
		return
	end
	socket.abandon(fd)
	skynet.error(("New connection (fd = %d, %s) from harbor %d"):format(fd, from, id))
	tell_harbor(("A %d %d"):format(fd, id))
	node_up(id)
	one_less()
end

local function listen()
	local ok, fd = pcall(socket.listen, own_address)
	if not ok then return nil, ("cannot listen on %s, the option `address`: %s"):format(own_address, (fd:gsub("^.*Listen error: ", ""):gsub("^%S+:%d+: ", ""))) end
	listener = fd
	socket.start(fd, accept)
	return fd
end

local function connect(id, address)
	if id == own_id then return end
	local ok, fd, err = pcall(socket.open, address, nil, CONNECT_TICKS)
	if not ok then fd, err = nil, fd end
	if not fd then
		skynet.error(("Connect to harbor %d (%s) failed: %s"):format(id, address, err))
		-- It may be connected by an earlier connection.
		tell_harbor("D " .. id)
		return
	end
	skynet.error(("Connect to harbor %d (fd = %d), %s"):format(id, fd, address))
	socket.abandon(fd)
	tell_harbor(("S %d %d"):format(fd, id))
	node_up(id)
end

-- ---- names ----------------------------------------------------------------------------------------------------------

local function set_name(name, handle)
	local new = names[name] ~= handle
	names[name] = handle
	if new then tell_harbor("N " .. name, handle) end
	answer_waiting(name_queries, name, handle)
end

local function gone(handle)
	local id = math.floor(handle / 0x1000000)
	return id ~= own_id and not connected[id]
end

-- ---- the master -----------------------------------------------------------------------------------------------------

local packet = {}

function packet.C(id, address)
	skynet.fork(connect, id, address)
end

function packet.N(name, handle)
	set_name(name, handle)
end

function packet.D(id)
	-- It will not come any more, unless it has come already.
	if not connected[id] then one_less() end
	node_down(id)
	tell_harbor("D " .. id)
end

-- Tells the master who this is, and sets how many nodes are expected. True, or nil and why not.
-- The master tells the others of this node as it answers, so that one of them may be here before the answer.
local function join()
	expected, early = nil, 0
	local ok, fd, err = pcall(socket.open, master_address, nil, CONNECT_TICKS)
	if not ok then fd, err = nil, fd end
	if not fd then return nil, ("cannot connect to the master at %s: %s"):format(master_address, err) end
	driver.dead_after(fd, master.DEAD_SECONDS)
	local answered = false
	skynet.timeout(HANDSHAKE_TICKS, function()
		if not answered then socket.close(fd) end
	end)
	socket.write(fd, master.encode("H", own_id, own_address))
	local letter, count = master.read(fd)
	answered = true
	if letter == "W" then
		master_fd = fd
		expected = math.max(count - early, 0)
		return true
	end
	socket.close(fd)
	if letter == nil then
		return nil, ("the master at %s refuses harbor %d: is another node with this id running?"):format(master_address, own_id)
	end
	return nil, ("the master at %s does not answer as a master: %s"):format(master_address, letter and "a packet " .. letter or count)
end

local function lost_master(reason)
	skynet.error(("Lost the master at %s: %s"):format(master_address, reason))
	socket.close(master_fd)
	master_fd = nil
	local waiting = master_links
	master_links = {}
	answer_all(waiting, true)
end

-- A master that comes back knows nothing: it is told this node and its names anew. The connections of the nodes live on;
-- those that the master makes once more are refused by whoever has them still.
local function come_back()
	local pause = FIRST_PAUSE
	while not master_fd do
		skynet.sleep(pause)
		pause = math.min(2 * pause, LONGEST_PAUSE)
		if not listener then
			local ok, err = listen()
			if not ok then skynet.error("cslave: " .. err) end
		end
		local ok, err = join()
		if not ok then
			skynet.error("cslave: " .. err)
		elseif expected == 0 then
			all_have_come()
		end
	end
	for name, handle in pairs(own_names) do tell_master("R", name, handle) end
	for name in pairs(name_queries) do tell_master("Q", name) end
end

local function follow_master()
	while true do
		local ok, err
		repeat
			ok, err = master.dispatch(packet, "the master", master.read(master_fd))
		until not ok
		lost_master(err or "the connection is closed")
		come_back()
	end
end

-- ---- requests -------------------------------------------------------------------------------------------------------

skynet.register_protocol {
	name = "text",
	id = skynet.PTYPE_TEXT,
	pack = function(...) return ... end,
	unpack = skynet.tostring,
	dispatch = function(_, _, text)
		local letter, value = text:match "^(%u) (.+)$"
		if letter == "Q" and names[value] then
			tell_harbor("N " .. value, names[value])
		elseif letter == "Q" then
			tell_master("Q", value)
			name_queries[value] = name_queries[value] or {} -- asked again when the master comes back
		elseif letter == "D" then
			node_down(tonumber(value))
		else
			skynet.error("Unknown command " .. text)
		end
	end,
}

local command = {}

-- The master would not take others.
local function check_name(name, command)
	local good = master.is_name(name) and name:byte() ~= DOT
	if not good then error(("%s: %s is no global name, which has 1 to 16 bytes and no dot in front"):format(command, tostring(name))) end
end

function command.REGISTER(name, handle)
	check_name(name, "REGISTER")
	assert(master.is_handle(handle), "REGISTER: a handle is wanted")
	assert(not names[name] or gone(names[name]), name .. " is registered already")
	own_names[name] = handle
	set_name(name, handle)
	tell_master("R", name, handle)
	skynet.ret()
end

function command.QUERYNAME(name)
	if type(name) == "string" and name:byte() == DOT then
		skynet.retpack(skynet.localname(name))
		return
	end
	check_name(name, "QUERYNAME")
	if names[name] then
		skynet.retpack(names[name])
	else
		if not name_queries[name] then tell_master("Q", name) end
		wait_in(name_queries, name)
	end
end

function command.LINK(id)
	if connected[id] then
		wait_in(links, id)
	else
		skynet.ret()
	end
end

function command.CONNECT(id)
	if connected[id] or id == own_id then
		skynet.ret()
	else
		wait_in(connects, id)
	end
end

function command.LINKMASTER()
	if master_fd then
		table.insert(master_links, skynet.response())
	else
		skynet.ret()
	end
end

-- ---- start ----------------------------------------------------------------------------------------------------------

local function option(key)
	return skynet.getenv(key) or error(("cslave: the option `%s` is missing, and harbor is %d"):format(key, own_id), 0)
end

local function must(value, err)
	return value or error("cslave: " .. err, 0)
end

skynet.start(function()
	own_id = math.floor(tonumber(skynet.getenv "harbor"))
	master_address, own_address = option "master", option "address"
	harbor_service = must(skynet.launch("harbor", own_id, skynet.self()), "the service harbor cannot be launched")
	skynet.dispatch("lua", function(_, _, name, ...)
		local f = command[name]
		if not f then error("Unknown command " .. tostring(name)) end
		f(...)
	end)
	must(listen())
	must(join())
	skynet.fork(follow_master)
	if expected > 0 then
		skynet.error(("Waiting for %d harbors"):format(expected))
		all_here = {}
		-- One that hangs shall not hold this node up. It may still come.
		if skynet.sleep(START_TICKS, all_here) ~= "BREAK" then
			skynet.error("The start goes on without harbors that the master knows, and that have not connected")
		end
		all_here = nil
	end
	if expected == 0 then stop_listening() end
end)
