-- Trees out of a flat snapshot: shapes that a live service seldom has.
local skynet = require "skynet"
local utils = require "snapshot_utils"
local T = require "harness"

-- Only tostring() of a key counts: anything with an address will do.
local function object(address)
	return setmetatable({}, { __tostring = function() return "userdata: 0x" .. address end })
end

T.test("two objects that refer to each other are both listed", function()
	local forest = utils.construct_indentation {
		[object "a1"] = "table\n0xa2 : one\n",
		[object "a2"] = "table\n0xa1 : two\n",
	}
	local roots = 0
	for _, node in pairs(forest) do
		roots = roots + 1
		T.ok(node.one or node.two)
	end
	T.eq(roots, 1)
	T.ok(skynet.packstring(forest))
end)

T.test("a long chain still fits into a message", function()
	local objects = {}
	for i = 1, 1000 do
		objects[object(string.format("%x", 0x1000 + i))] = string.format("table\n0x%x : next\n", 0x1000 + i - 1)
	end
	local forest = utils.construct_indentation(objects)
	T.ok(skynet.packstring(forest))
	local count = 0
	local function walk(node)
		count = count + 1
		if node.next then walk(node.next) end
	end
	for _, node in pairs(forest) do walk(node) end
	T.eq(count, 1000)
end)

T.test("a child whose name is taken stands at the top", function()
	local forest = utils.construct_indentation {
		[object "b1"] = "table\n0xdead : top\n",
		[object "b2"] = "table\n0xb1 : extra\n",
		[object "b3"] = "func: x.lua:1\n0xb1 : [1] : x.lua:1\n",
	}
	T.eq(forest.b1.extra, "top")
	T.eq(forest.b2.parent, "b1")
	T.eq(forest.b1["[1]"].val_type, "func")
end)

T.test("the key is the word before the first colon that stands alone", function()
	local forest = utils.construct_indentation {
		[object "c1"] = "table\n0xdead : one name\n",
		[object "c2"] = "table\n0xdead : a_local : x.lua:5\n",
		[object "c3"] = "table\n0xdead : first\n0xbeef : second\n",
	}
	T.eq({ forest.c1.key, forest.c2.key, forest.c3.key }, { "one name", "a_local", "0xbeef" })
	T.eq({ forest.c3.parent, forest.c3.extra }, { "dead", "first\n0xbeef : second" })
end)

T.run()
