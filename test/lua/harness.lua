--- The harness of the Lua tests. A test is a Lua service script that only uses the public API:
---   local T = require "harness"
---   T.test("what holds", function() T.eq(1 + 1, 2) end)
---   T.run()
--- It has the shape of test/conformance/conform.lua, so that a test may become a conformance case.
local skynet = require "skynet"
require "skynet.manager"

local T = {}

local MAX_DEPTH = 4

---@type { name: string, body: fun() }[]
local tests = {}

--- A value as text; tables by content, with their keys in order.
---@param value any
---@param depth? integer  tables around the value
---@return string
function T.show(value, depth)
	depth = depth or 0
	if type(value) == "string" then return string.format("%q", value) end
	if type(value) ~= "table" or depth >= MAX_DEPTH then return tostring(value) end
	local parts = {}
	for k, v in pairs(value) do
		parts[#parts + 1] = string.format("[%s]=%s", T.show(k, depth + 1), T.show(v, depth + 1))
	end
	table.sort(parts)
	return "{" .. table.concat(parts, ",") .. "}"
end

local function equal(a, b)
	if a == b then return true end
	if type(a) ~= "table" or type(b) ~= "table" then return false end
	for k, v in pairs(a) do
		if not equal(v, b[k]) then return false end
	end
	for k in pairs(b) do
		if a[k] == nil then return false end
	end
	return true
end

-- The error of an assertion, at the line of the test.
local function fail(what, ...)
	local text = string.format(...)
	if what then text = what .. ": " .. text end
	error(text, 3)
end

--- Passes when the values are equal, tables by content.
---@param what? string  what the value is, for the error
function T.eq(got, want, what)
	if not equal(got, want) then fail(what, "got %s, want %s", T.show(got), T.show(want)) end
end

--- Passes when the value is neither false nor nil.
function T.ok(value, what)
	if not value then fail(what, "got %s, want a true value", T.show(value)) end
end

--- Passes when low <= value <= high.
function T.within(value, low, high, what)
	if not (value >= low and value <= high) then
		fail(what, "got %s, want %s to %s", tostring(value), tostring(low), tostring(high))
	end
end

--- Passes when f(...) raises, and when the error contains the plain text `part`.
---@param part? string
---@return any err
function T.raises(part, f, ...)
	local ok, err = pcall(f, ...)
	if ok then fail(nil, "no error was raised, want one with %s", T.show(part)) end
	if part and not tostring(err):find(part, 1, true) then
		fail(nil, "error %s does not contain %s", T.show(tostring(err)), T.show(part))
	end
	return err
end

--- Calls f once a centisecond until it returns a true value, which is returned.
---@async
---@param ticks? integer  how often, 1000 when left out
function T.eventually(f, ticks, what)
	for _ = 1, ticks or 1000 do
		local value = f()
		if value then return value end
		skynet.sleep(1)
	end
	fail(what, "did not happen in time")
end

--- Numbers that look random: the same ones in each run and on both engines, so that a failure comes again.
---@param seed integer  1 to 2147483646
---@return fun(n: integer): integer random  each call returns one from 1 to n, which is at most 2147483646
function T.random(seed)
	-- The next one is 16807 times as large, modulo 2^31 - 1. No product is larger than 2^53.
	return function(n)
		seed = seed * 16807 % 2147483647
		return math.floor(seed % n) + 1
	end
end

--- A text of so many random bytes.
---@param random fun(n: integer): integer  of T.random()
---@param count integer
---@return string
function T.random_bytes(random, count)
	local bytes = {}
	for i = 1, count do bytes[i] = string.char(random(256) - 1) end
	return table.concat(bytes)
end

--- Adds a test. Its name is a sentence about behaviour.
---@param name string
---@param body fun()  may block
function T.test(name, body)
	tests[#tests + 1] = { name = name, body = body }
end

-- true, or false and the error with its traceback.
local function run_one(body, limit)
	local waiter = coroutine.running()
	local ended, ok, err
	skynet.fork(function()
		ok, err = xpcall(body, debug.traceback)
		if ended == nil then
			ended = true
			skynet.wakeup(waiter)
		end
	end)
	skynet.sleep(limit)
	if ended then return ok, err end
	ended = false
	return false, "timed out"
end

-- One write that begins on a line of its own: the node's log shares standard output.
local function report(...)
	io.stdout:write("\n" .. string.format(...) .. "\n")
	io.stdout:flush()
end

--- Runs the tests in order inside skynet.start, prints TAP, and ends the node.
---@param limit? integer  for each test, in 1/100 s; 2000 when left out
function T.run(limit)
	skynet.start(function()
		skynet.fork(function()
			for i, test in ipairs(tests) do
				local ok, err = run_one(test.body, limit or 2000)
				if ok then
					report("ok %d - %s", i, test.name)
				else
					report("not ok %d - %s\n# %s", i, test.name, (tostring(err):gsub("\n", "\n# ")))
				end
			end
			report("1..%d", #tests)
			skynet.abort()
		end)
	end)
end

return T
