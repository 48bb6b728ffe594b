-- The demo's small helpers, beyond what the conformance cases ask.
local json = require "json"
local strings = require "util.string"
local T = require "harness"

T.test("any byte may delimit", function()
	T.eq(strings.split("a\0b%c]d^e-f", "\0%]^-"), { "a", "b", "c", "d", "e", "f" })
end)

T.test("an array with a hole is refused, however its length comes out", function()
	T.raises("invalid table: sparse array", json.encode, { 1, 2, nil, 4, [10] = 10 })
	T.raises("invalid table: sparse array", json.encode, { 1, [1.5] = 2 })
end)

T.run()
