-- config: snowflake_end = 2
-- config: snowflake_start_date = "2024-01-02"
-- Ids in numbers: the whole sequence is used, nothing comes twice, and the file is always whole.
local skynet = require "skynet"
local int64 = require "int64"
local snowflake = require "snowflake"
local T = require "harness"

local CALLERS, IDS = 8, 2500

local function read(name)
	local file = io.open(name)
	if not file then return nil end
	local text = file:read "*a"
	file:close()
	return text
end

T.test("many ids asked for at once are all different, and more than one fits into 10 ms", function()
	local agent = skynet.newservice("snowflake", "agent", 100)
	local seen, count, left = {}, 0, CALLERS
	local begun = skynet.now()
	for _ = 1, CALLERS do
		skynet.fork(function()
			local last = int64.new(0)
			for _ = 1, IDS do
				local id = skynet.call(agent, "lua", "snowflake")
				local key = int64.key(id)
				if not seen[key] then count = count + 1 end
				seen[key] = true
				if not (id > last) then error "an id is not above the one before" end
				last = id
			end
			left = left - 1
		end)
	end
	T.eventually(function() return left == 0 end, 900)
	T.eq(count, CALLERS * IDS)
	T.ok(skynet.now() - begun < CALLERS * IDS, "one id for each 10 ms")
end)

T.test("an agent refuses numbers that do not fit into 12 bits", function()
	for _, id in ipairs { "4096", "-1", "1.5", "x", "" } do
		T.raises("call failed", skynet.newservice, "snowflake", "agent", id)
	end
	T.eq(read ".snowflake_4096", nil)
	T.raises("call failed", skynet.newservice, "snowflake", "boss")
end)

T.test("there cannot be two agents of one number", function()
	T.raises("call failed", skynet.newservice, "snowflake", "agent", 1)
	T.ok(snowflake.snowflake())
end)

T.test("an agent that starts in the tick it ended in waits for the next one", function()
	local agent = skynet.newservice("snowflake", "agent", 101)
	local before = skynet.call(agent, "lua", "snowflake")
	skynet.kill(agent)
	-- What a save in this very moment would have left.
	local file = assert(io.open(".snowflake_101", "w"))
	file:write(string.format("%d", math.floor(skynet.time() * 100)))
	file:close()
	T.eventually(function() return not skynet.localname ".snowflake_101" end)
	local after = skynet.call(skynet.newservice("snowflake", "agent", 101), "lua", "snowflake")
	T.ok(after > before)
end)

T.test("no draft of the file is left", function()
	T.ok(read ".snowflake_100":match "^%-?%d+$")
	T.eq(read ".snowflake_100.new", nil)
end)

T.run(2000)
