-- Ids that are unique in all nodes and grow with time.
--
--   snowflake            the master, as a unique service; registers .snowflake and starts an agent for each machine
--                        number from `snowflake_begin` (1) to `snowflake_end` (10) of the config
--   snowflake agent ID   the agent of one machine number, 0..4095; registers .snowflake_ID and answers the lua command
--                        `snowflake` with an id
--
-- An id has 63 bits: 39 of time, 12 of machine, 12 of sequence. Time counts 1/100 s; what is subtracted from it is
-- `snowflake_start_date` ("2021-9-9") in *seconds*. That mixes units, so the 174 years of 39 bits end about 2144,
-- whatever the start date. It stays like this: new ids must be greater than those that are stored.
--
-- An agent keeps the last time it used in the file .snowflake_ID of the current folder. After a restart it refuses to
-- give ids until the clock has passed that time, so a clock that was moved back makes no id twice.
local skynet = require "skynet"
local config = require "config"
local int64 = require "int64"
local log = require "log"
require "skynet.manager"

local role, machine_text = ...

local MAX_MACHINE = 4095
local IDS_PER_TICK = 4096 -- a tick is 1/100 s
local TICK = int64.new(MAX_MACHINE + 1) * IDS_PER_TICK -- the bits below the time
local MAX_DIGITS = 15 -- of a time in the file: what a double holds exactly
local SAVE_DELAY = 300 -- 1/100 s from an id to the file

local floor = math.floor

local function register(name)
	if skynet.localname(name) then error("snowflake: there is a " .. name .. " already", 0) end
	skynet.register(name)
end

-- ---- master -----------------------------------------------------------------------------------

local function start_master()
	local first = config.get "snowflake_begin" or 1
	local last = config.get "snowflake_end" or 10
	if first > last then error "snowflake_begin or snowflake_end error" end
	for machine = first, last do
		skynet.newservice("snowflake", "agent", machine)
	end
	register ".snowflake"
end

-- ---- agent ------------------------------------------------------------------------------------

local function start_of_time()
	local date = config.get "snowflake_start_date" or "2021-9-9"
	local year, month, day = tostring(date):match "^(%d+)-(%d+)-(%d+)$"
	if not year then error("snowflake_start_date must be like 2021-9-9, is " .. tostring(date)) end
	return os.time { year = tonumber(year), month = tonumber(month), day = tonumber(day) }
end

-- Text that is no time counts as none.
local function read_time(name)
	local file = io.open(name)
	if not file then return -1 end
	local text = file:read "*a"
	file:close()
	return #text <= MAX_DIGITS and tonumber(text:match "^%d+$") or -1
end

-- The file is always whole: another one takes its place.
local function write_time(name, ticks)
	local draft = name .. ".new"
	local file, message = io.open(draft, "w")
	if not file then error("snowflake: " .. message) end
	local written, why = file:write(string.format("%d", ticks))
	local closed, why_not = file:close()
	if not (written and closed) then error("snowflake: " .. draft .. ": " .. (why or why_not)) end
	local renamed, reason = os.rename(draft, name)
	if not renamed then error("snowflake: " .. reason) end
end

local function start_agent(machine)
	if not machine or machine < 0 or machine > MAX_MACHINE or machine % 1 ~= 0 then
		error("snowflake: the id of an agent must be 0.." .. MAX_MACHINE .. ", is " .. tostring(machine_text))
	end
	machine = floor(machine)
	local name = ".snowflake_" .. machine
	register(name)

	local start = start_of_time()
	local last = read_time(name) -- the tick of the last id
	local sequence = IDS_PER_TICK -- its number within the tick; ids of an earlier run may have taken them all
	local saved
	local save_pending = false

	local function save()
		save_pending = false
		if saved == last then return end
		write_time(name, last)
		saved = last
	end

	local function save_later()
		if save_pending then return end
		save_pending = true
		skynet.timeout(SAVE_DELAY, function()
			local ok, message = pcall(save)
			if not ok then log.error(message) end
		end)
	end

	local function next_id()
		local now = floor(skynet.time() * 100)
		while now == last and sequence >= IDS_PER_TICK - 1 do
			skynet.sleep(1) -- others may come here meanwhile: nothing read before it counts
			now = floor(skynet.time() * 100)
		end
		if now < last then error "Clock moved backwards.  Refusing to generate id" end
		sequence = now == last and sequence + 1 or 0
		last = now
		save_later()
		return int64.new(now - start) * TICK + machine * IDS_PER_TICK + sequence
	end

	save()
	skynet.dispatch("lua", function(_, _, cmd)
		if cmd ~= "snowflake" then error("snowflake: unknown command " .. tostring(cmd)) end
		skynet.ret(skynet.pack(next_id()))
	end)
end

skynet.start(function()
	if role == "agent" then
		start_agent(tonumber(machine_text))
	elseif role == nil then
		start_master()
	else
		error("snowflake: what is " .. role .. "?")
	end
end)
