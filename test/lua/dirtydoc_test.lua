-- Documents beyond what the conformance cases ask: lists of documents, snapshots, schemas of lists and maps.
local dirtydoc = require "dirtydoc"
local schema_base = require "schema_base"
local T = require "harness"

local function commit(doc)
	local _, update = dirtydoc.commit_mongo(doc)
	return update
end

-- What f prints, as one text.
local function printed(f)
	local lines, real = {}, print
	print = function(line) lines[#lines + 1] = line end
	local ok, err = pcall(f)
	print = real
	assert(ok, err)
	return table.concat(lines, "\n")
end

T.test("documents in a list move with their content, and report from their new place", function()
	local doc = dirtydoc.new(nil, { l = { { x = 1 }, { x = 2 } } })
	local second = doc.l[2]
	dirtydoc.insert(doc.l, 1, { x = 0 })
	T.eq(commit(doc), { ["$set"] = { ["l.1"] = { x = 0 }, ["l.2"] = { x = 1 }, ["l.3"] = { x = 2 } } })
	second.x = 5
	T.eq(commit(doc), { ["$set"] = { ["l.3.x"] = 5 } })
	T.eq(dirtydoc.remove(doc.l, 1).x, 0)
	T.eq(commit(doc), { ["$set"] = { ["l.1"] = { x = 1 }, ["l.2"] = { x = 5 } }, ["$unset"] = { ["l.3"] = "" } })
	second.x = 6
	T.eq(commit(doc), { ["$set"] = { ["l.2.x"] = 6 } })
end)

T.test("an inserted table equal to its neighbour is a document of its own", function()
	local doc = dirtydoc.new(nil, { { x = 1 } })
	dirtydoc.insert(doc, 1, { x = 1 })
	T.ok(not rawequal(doc[1], doc[2]))
	commit(doc)
	doc[1].x = 9
	T.eq(commit(doc), { ["$set"] = { ["1.x"] = 9 } })
	T.eq(doc[2].x, 1)
end)

T.test("what was taken out reports nothing any more", function()
	local doc = dirtydoc.new(nil, { bag = { gold = 1 } })
	local bag = doc.bag
	doc.bag = nil
	commit(doc)
	bag.gold = 2
	T.eq(commit(doc), {})
end)

T.test("an update is a picture of its moment", function()
	local doc = dirtydoc.new()
	doc.bag = { gold = 1 }
	local update = commit(doc)
	doc.bag.gold = 2
	T.eq(update, { ["$set"] = { bag = { gold = 1 } } })
	T.eq(getmetatable(update["$set"].bag), nil)
end)

T.test("keys of maps are text in an update, those of lists stay numbers", function()
	local doc = dirtydoc.new()
	doc.map = { [1001] = { n = 1 }, [7] = { n = 2 } }
	doc.list = { "a", "b" }
	T.eq(commit(doc), { ["$set"] = { map = { ["1001"] = { n = 1 }, ["7"] = { n = 2 } }, list = { "a", "b" } } })
end)

T.test("positions outside the list are refused", function()
	local doc = dirtydoc.new(nil, { 1, 2 })
	T.raises("position out of bounds", dirtydoc.insert, doc, 4, 0)
	T.raises("position out of bounds", dirtydoc.insert, doc, 0, 0)
	T.raises("position out of bounds", dirtydoc.remove, doc, 5)
	T.eq(dirtydoc.remove(dirtydoc.new()), nil)
	T.eq(commit(doc), {})
end)

T.test("a table that contains itself is refused", function()
	local t = {}
	t.t = t
	T.raises("contains itself", dirtydoc.new, nil, t)
	T.raises("contains itself", function() dirtydoc.new().t = t end)
end)

-- item { id }; bag { items: list of item, prices: map of string to number }
local item = schema_base.define("item", {
	id = schema_base.number, _check_k = schema_base.check_k, _check_kv = schema_base.check_kv,
})
local items = schema_base.define("arr_item", {
	_check_k = schema_base.check_k_func(schema_base.number),
	_check_kv = schema_base.check_kv_func(schema_base.number, item),
	_value = item,
})
local prices = schema_base.define("map_string_number", {
	_check_k = schema_base.check_k_func(schema_base.string),
	_check_kv = schema_base.check_kv_func(schema_base.string, schema_base.number),
	_value = schema_base.number,
})
local bag = schema_base.define("bag", {
	items = items, prices = prices, _check_k = schema_base.check_k, _check_kv = schema_base.check_kv,
})

T.test("a schema reaches into lists and maps", function()
	local doc
	T.eq(printed(function() doc = dirtydoc.new(bag, { items = { { id = 1 } }, prices = { sword = 3 } }) end), "")
	T.eq(printed(function()
		doc.items[1].id = 2
		dirtydoc.insert(doc.items, { id = 3 })
		doc.prices.bow = 4
	end), "")
	T.ok(printed(function() doc.items[1].id = "x" end):find("not equal v type. need_tp: schema_number", 1, true))
	T.ok(printed(function() doc.items.first = { id = 1 } end):find("not equal k type. need_tp: schema_number", 1, true))
	T.ok(printed(function() doc.prices.bow = "dear" end):find(", real_tp: schema_string , v: dear", 1, true))
	T.ok(printed(function() dirtydoc.insert(doc.items, { name = 1 }) end):find("not exist key: name", 1, true))
	T.ok(printed(function() doc.items = 5 end):find("err doc_change_value. key: items , schema: schema_bag", 1, true))
	T.eq(doc.items, 5)
end)

T.test("after a document went into one with a schema, writes to the original are reported", function()
	local original = dirtydoc.new(nil, { id = 1 })
	local doc = dirtydoc.new(bag, { items = {} })
	doc.items[1] = original
	local text = printed(function() original.id = 2 end)
	T.ok(text:find("err const can't change. k: id", 1, true), text)
	T.eq(doc.items[1].id, 1)
end)

T.run()
