--- A bounded set of connections of one kind, for callers that need one to themselves: a transaction, a blocking
--- command. Any driver will do: the pool only knows how to open, check and close one.
local skynet = require "skynet"
local killed = require "skynet.killed"
local scheduler = require "skynet.scheduler"

local DEFAULT_SIZE = 8
local DEFAULT_WAITING = 1024

---@class skynet.db.pool.claim  what a task has of a pool while it is in acquire() or use(); also the token that it waits with
---@field task thread
---@field place? integer     in the queue
---@field room? boolean      for a connection that it opens, which is counted in `open` already
---@field connection any
---@field closed? boolean    the pool was closed while it waited

---@class skynet.db.pool
---@field private conf skynet.db.pool.conf
---@field private open integer       connections that exist or are being opened
---@field private idle table[]       { connection =, since = }; the one used last is at the end
---@field private out table<any, skynet.db.pool.claim>  connections that callers hold
---@field private claims table<skynet.db.pool.claim, true>  of tasks that are inside
---@field private queue (skynet.db.pool.claim|false)[]  from head to tail; false: it waits no longer
---@field private head integer
---@field private tail integer
---@field private waiting integer    waiters in the queue
---@field private closed boolean
local pool = {}
pool.__index = pool

local function shut(self, connection)
	local ok, err = pcall(self.conf.close or connection.disconnect, connection)
	if not ok then skynet.error(self.conf.name .. ": closing a connection failed:", err) end
end

local function new_claim(self)
	local claim = { task = scheduler.running() or coroutine.running() }
	self.claims[claim] = true
	return claim
end

local function hand_out(self, connection, claim)
	claim.connection, claim.room = connection, false
	self.out[connection] = claim
end

-- The claim has a connection no longer.
local function take_back(self, connection)
	local claim = self.out[connection]
	claim.connection = nil
	self.out[connection] = nil
end

local function leave_queue(self, claim)
	self.queue[claim.place] = false
	self.waiting = self.waiting - 1
	claim.place = nil
end

local function next_waiter(self)
	while self.head <= self.tail do
		local claim = self.queue[self.head]
		self.queue[self.head] = nil
		self.head = self.head + 1
		if claim then
			claim.place = nil
			self.waiting = self.waiting - 1
			return claim
		end
	end
end

-- A connection is free: the first waiter gets it.
local function give(self, connection)
	local claim = next_waiter(self)
	if claim then
		hand_out(self, connection, claim)
		skynet.wakeup(claim)
	else
		self.idle[#self.idle + 1] = { connection = connection, since = skynet.now() }
	end
end

-- There is room for one more: the first waiter may open it.
local function give_room(self)
	self.open = self.open - 1
	local claim = next_waiter(self)
	if claim then
		claim.room = true
		self.open = self.open + 1
		skynet.wakeup(claim)
	end
end

-- A task was killed: what it had goes to the others. Its connection may be in any state.
local function forget_task(self, task)
	for claim in pairs(self.claims) do
		if claim.task == task then
			self.claims[claim] = nil
			local connection = claim.connection
			if claim.place then
				leave_queue(self, claim)
			elseif connection ~= nil then
				take_back(self, connection)
				give_room(self)
				skynet.fork(shut, self, connection)
			elseif claim.room then
				give_room(self)
			end
		end
	end
end

local function open_one(self, claim)
	claim.room = true
	local ok, connection = pcall(self.conf.open)
	if ok and connection then
		if self.closed then
			shut(self, connection)
			give_room(self)
			claim.room = false
			error(self.conf.name .. ": closed", 0)
		end
		hand_out(self, connection, claim)
		return connection
	end
	claim.room = false
	give_room(self)
	error(ok and self.conf.name .. ": open returned no connection" or connection, 0)
end

-- One that has been idle for long may be dead without anybody knowing.
local function is_healthy(self, entry)
	local check = self.conf.check
	if not check or skynet.now() - entry.since < (self.conf.check_after or 0) then return true end
	local ok, healthy = pcall(check, entry.connection)
	return ok and healthy ~= false and healthy ~= nil
end

local function wait_for_one(self, claim, timeout)
	local most = self.conf.max_waiting or DEFAULT_WAITING
	if self.waiting >= most then error(string.format("%s: %d callers wait already", self.conf.name, most), 0) end
	-- Raises where nothing can block: later the queue would give a connection to a claim that waits no more.
	if not coroutine.isyieldable() then skynet.wait(claim) end
	self.tail = self.tail + 1
	self.waiting = self.waiting + 1
	claim.place = self.tail
	self.queue[claim.place] = claim
	if timeout then skynet.sleep(timeout, claim) else skynet.wait(claim) end
	if claim.connection ~= nil then return claim.connection end
	if claim.room then return open_one(self, claim) end
	if claim.closed then error(self.conf.name .. ": closed", 0) end
	leave_queue(self, claim)
	error(string.format("%s: no connection was free within %d/100 s", self.conf.name, timeout), 0)
end

local function acquire(self, claim, timeout)
	if self.closed then error(self.conf.name .. ": closed", 0) end
	local entry = table.remove(self.idle)
	while entry do
		local connection = entry.connection
		hand_out(self, connection, claim)
		local healthy = is_healthy(self, entry)
		if healthy and not self.closed then return connection end
		take_back(self, connection)
		claim.room = true
		shut(self, connection)
		if self.closed then
			claim.room = false
			give_room(self)
			error(self.conf.name .. ": closed", 0)
		end
		entry = table.remove(self.idle)
		-- The dead one's room is for who found it: others may have come meanwhile, and wait.
		if not entry then return open_one(self, claim) end
		claim.room = false
		give_room(self)
	end
	if self.open < self.conf.size then
		self.open = self.open + 1
		return open_one(self, claim)
	end
	return wait_for_one(self, claim, timeout or self.conf.timeout)
end

local function end_claim(self, claim, ok, ...)
	self.claims[claim] = nil
	if not ok then error((...), 0) end
	return ...
end

--- A connection that is the caller's alone until release(). Waits while all are in use. Raises what open() raises,
--- and when too many wait, when the time runs out, or when the pool is closed. A task that is killed afterwards has not
--- given it back: use() is for such tasks.
---@async
---@param timeout? integer  cs to wait for a free one; the pool's when absent
---@return any connection
function pool:acquire(timeout)
	local claim = new_claim(self)
	return end_claim(self, claim, pcall(acquire, self, claim, timeout))
end

--- Gives a connection back. Raises when it is not one that acquire() gave out.
---@async
---@param connection any
---@param broken? boolean  true: it is closed, and another opened when one is needed
function pool:release(connection, broken)
	if connection == nil or not self.out[connection] then
		error(self.conf.name .. ": the connection is not out, it may have been given back twice", 2)
	end
	take_back(self, connection)
	if broken or self.closed then
		give_room(self)
		shut(self, connection)
	else
		give(self, connection)
	end
end

local function give_back(self, claim, connection, ok, ...)
	self.claims[claim] = nil
	self:release(connection, not ok)
	if not ok then error((...), 0) end
	return ...
end

--- Calls f(connection, ...) and gives the connection back. When f raises, or its task is killed, the connection's state
--- is unknown (a transaction may be open), so it is closed, and the error raised again.
---@async
function pool:use(f, ...)
	local claim = new_claim(self)
	local ok, connection = pcall(acquire, self, claim)
	if not ok then end_claim(self, claim, false, connection) end
	return give_back(self, claim, connection, pcall(f, connection, ...))
end

--- What the pool holds: { open, idle, used, waiting }.
function pool:stats()
	local used = 0
	for _ in pairs(self.out) do used = used + 1 end
	return { open = self.open, idle = #self.idle, used = used, waiting = self.waiting }
end

--- Closes idle connections at once and the others when they come back. Waiters raise.
---@async
function pool:close()
	if self.closed then return end
	self.closed = true
	local claim = next_waiter(self)
	while claim do
		claim.closed = true
		skynet.wakeup(claim)
		claim = next_waiter(self)
	end
	local idle = self.idle
	self.idle = {}
	self.open = self.open - #idle
	for _, entry in ipairs(idle) do shut(self, entry.connection) end
end

---@class skynet.db.pool.conf
---@field open fun(): any          makes a connection, or raises
---@field close? fun(connection: any)    connection:disconnect() when absent
---@field check? fun(connection: any): boolean  false or a raise: it is replaced
---@field check_after? integer     cs that one must have been idle to be checked; 0
---@field size? integer            most connections; 8
---@field max_waiting? integer     most callers that wait; 1024
---@field timeout? integer         cs to wait for a free one; nil: for as long as it takes
---@field name? string             begins the errors; "pool"

---@class skynet.db.pool.module
local module = {}

--- A pool; connections are opened when they are needed.
---@param conf skynet.db.pool.conf
---@return skynet.db.pool
function module.new(conf)
	if type(conf.open) ~= "function" then error("pool.new: open is no function", 2) end
	local copy = {}
	for key, value in pairs(conf) do copy[key] = value end
	copy.name = conf.name or "pool"
	copy.size = conf.size or DEFAULT_SIZE
	if copy.size < 1 then error("pool.new: size must be 1 or more", 2) end
	local self = setmetatable({
		conf = copy,
		open = 0,
		idle = {},
		out = {},
		claims = {},
		queue = {},
		head = 1,
		tail = 0,
		waiting = 0,
		closed = false,
	}, pool)
	local held = setmetatable({ self }, { __mode = "v" }) -- the listener must not keep the pool
	killed.listen(self, function(task)
		if held[1] then forget_task(held[1], task) end
	end)
	return self
end

return module
