-- Which node is where, and which one of a role takes a call.
local choice = require "skynet.cluster.choice"
local directory = require "skynet.cluster.directory"
local entries = require "skynet.cluster.entries"
local T = require "harness"

local function names(count)
	local list = {}
	for i = 1, count do list[i] = "node-" .. i end
	return list
end

T.test("when a node goes only its own keys move, and they spread", function()
	local all, rest = names(5), names(4)
	local moved, to = 0, {}
	for i = 1, 1000 do
		local before, after = choice.by_key(all, "key" .. i), choice.by_key(rest, "key" .. i)
		if before == "node-5" then
			moved = moved + 1
			to[after] = (to[after] or 0) + 1
		else
			T.eq(after, before)
		end
	end
	T.within(moved, 130, 270)
	for _, name in ipairs(rest) do T.within(to[name], 20, 90, name) end
end)

T.test("the order of the names does not matter for a key", function()
	for i = 1, 50 do
		T.eq(choice.by_key({ "a", "b", "c" }, "k" .. i), choice.by_key({ "c", "a", "b" }, "k" .. i))
	end
	T.eq(choice.by_key({}, "k"), nil)
end)

T.test("turns go round each role by itself, also when nodes come and go", function()
	local turns = choice.turns()
	local seen = {}
	for _ = 1, 3 do seen[turns:next("r", names(3))] = true end
	T.eq(seen, { ["node-1"] = true, ["node-2"] = true, ["node-3"] = true })
	T.eq(turns:next("other", { "x" }), "x")
	T.eq(turns:next("r", { "y" }), "y")
	T.eq(turns:next("r", {}), nil)
end)

T.test("a place as text is what an entry of the table says", function()
	for _, address in ipairs { "10.0.0.1:2528", "some.host:1", "[::1]:65535" } do
		T.eq(directory.text(directory.parse("n", address)), address)
	end
end)

T.test("the table of nodes wins over what was found, and false hides it", function()
	local nodes = directory.new()
	T.eq(nodes:take_table { listed = "10.0.0.1:1" }, { listed = false })
	local found = {
		{ name = "listed", address = "10.0.0.9:9", state = "up" },
		{ name = "found", address = "[::1]:2", role = "r", state = "up" },
		{ name = "wrong", address = "nowhere", state = "up" },
	}
	local changed, wrong = nodes:take_found("etcd", found)
	T.eq(changed, { found = false })
	T.eq(#wrong, 1)
	T.ok(wrong[1]:find("the address of node wrong is \"nowhere\"", 1, true), wrong[1])
	T.eq(nodes:place "listed", { host = "10.0.0.1", port = 1 })
	T.eq(nodes:place "found", { host = "::1", port = 2, draining = false })
	T.eq(nodes:members(), {
		{ name = "found", address = "[::1]:2", role = "r", state = "up" },
		{ name = "listed", address = "10.0.0.1:1", state = "up" },
	})
	nodes:take_table { found = false }
	T.eq({ nodes:place "found" }, { false, "the node table says that it is down" })
	T.raises("the address of node x is a number", nodes.take_table, nodes, { y = "1.1.1.1:1", x = 5 })
	T.eq(nodes:place "y", nil)
end)

T.test("a node that discovery has lost is told with the reason, until it is found again", function()
	local nodes = directory.new()
	local there = { { name = "a", address = "1.1.1.1:1", state = "up" } }
	nodes:take_found("etcd", there)
	T.eq(nodes:take_found("etcd", {}, { a = "it has gone" }), { a = { host = "1.1.1.1", port = 1, draining = false } })
	T.eq({ nodes:place "a" }, { nil, "it has gone" })
	nodes:take_found("etcd", there)
	T.eq(nodes:place "a", { host = "1.1.1.1", port = 1, draining = false })
end)

T.test("entries tell what has changed, and why a node is gone", function()
	local known = entries.new()
	known:put("a", { address = "1.1.1.1:1", role = "r", state = "up" })
	known:put("b", { address = "1.1.1.2:1", state = "starting" })
	known:put("c", "nonsense")
	local list, reasons, lines = known:changes()
	T.eq(list, { { name = "a", address = "1.1.1.1:1", role = "r", state = "up" } })
	T.eq({ reasons, lines }, { {}, { "node a has joined, at 1.1.1.1:1" } })
	T.eq(known:changes(), nil)
	known:put("a", { address = "1.1.1.1:1", role = "r", state = "draining" })
	known:put("b", { address = "1.1.1.2:1", state = "up" })
	list, reasons, lines = known:changes()
	table.sort(lines)
	T.eq({ #list, reasons, lines }, { 2, {}, { "node a drains", "node b has joined, at 1.1.1.2:1" } })
	known:remove "a"
	known:remove "b"
	list, reasons = known:changes()
	T.eq(list, {})
	T.eq(reasons, { a = "it has left the cluster", b = "it has gone: its lease has ended" })
end)

T.run()
