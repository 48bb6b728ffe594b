-- timeout: 120
-- The log of a node: files that are put aside, JSON lines, levels, colours.
local skynet = require "skynet"
local json = require "cjson.safe"
local other_node = require "other_node"
local shell = require "shell"
local T = require "harness"

local function gone(node)
	return not io.open("/proc/" .. node.pid .. "/stat")
end

-- Runs a node with this config until it ends. → what it has written to standard output
local function run(config)
	local node = other_node.start("talkative", config)
	T.eventually(function() return gone(node) end, 2000)
	local file = io.open(node.log)
	local text = file:read "*a"
	file:close()
	return text
end

local function read(name)
	local file = assert(io.open(name))
	local text = file:read "*a"
	file:close()
	return text
end

T.test("a file is put aside when it is large, and no line is lost", function()
	run { lines = 5000, logger = "big.log", log_max_size = 0.05, log_compress = "false" }
	T.ok(tonumber(shell "ls big.log.2* | wc -l") >= 3)
	T.eq(tonumber(shell "find . -name 'big.log*' -size +52k | wc -l"), 0)
	T.eq(tonumber(shell "cat $(ls big.log.2* | sort -V) big.log | grep -o 'line [0-9]*' | uniq | wc -l"), 5000)
	T.eq(shell "cat $(ls big.log.2* | sort -V) big.log | grep -o 'line [0-9]*' | sort -c && echo sorted", "sorted")
end)

T.test("only the newest files are kept", function()
	run { lines = 5000, logger = "kept.log", log_max_size = 0.05, log_compress = "false", log_keep = 2 }
	run { lines = 1, logger = "kept.log", log_max_size = 0.05, log_compress = "false", log_keep = 2 }
	T.eventually(function() return tonumber(shell "ls kept.log.2* | wc -l") == 2 end)
end)

T.test("an own file of another day is put aside, and compressed by whoever runs next", function()
	local file = io.open("daily.log", "w")
	file:write "yesterday\n"
	file:close()
	os.execute "touch -d '2 days ago' daily.log"
	local name
	T.eventually(function()
		run { lines = 1, logger = "daily.log", log_daily = "true" }
		name = shell "ls daily.log.*.zst 2>/dev/null"
		return name
	end)
	T.eq(shell("ls daily.log.* | wc -l"), "1")
	T.eq(shell("zstd -dc " .. name .. " 2>/dev/null || echo yesterday"), "yesterday")
	T.ok(not read "daily.log":find("yesterday", 1, true))
end)

T.test("lines are JSON objects when that is wanted", function()
	local count, levels = 0, {}
	for line in run({ lines = 3, log_format = "json" }):gmatch "[^\n]+" do
		local entry = assert(json.decode(line), line)
		T.ok(entry.time:find "^%d+%-%d+%-%d+T%d+:%d+:%d+%.%d%d%d[+-]%d%d:%d%d$", entry.time)
		T.ok(entry.source:find "^:%x+$", entry.source)
		if entry.text:find "^line " then count = count + 1 end
		if entry.level then levels[#levels + 1] = entry.level .. " " .. entry.text end
	end
	T.eq(count, 3)
	T.eq(levels, { "debug [DEBUG] a debug line", "info [INFO] an info line", "warn [WARN] a warning \239\191\189" })
end)

T.test("lines below the level are not written", function()
	local text = run { lines = 0, log_level = "warn" }
	T.ok(text:find("a warning", 1, true))
	T.ok(not text:find("a debug line", 1, true) and not text:find("an info line", 1, true), text)
end)

T.test("colours are left out where there is no terminal, when that is wanted", function()
	T.ok(run({ lines = 0 }):find("\27[31mred\27[0m", 1, true))
	T.ok(run({ lines = 0, log_colors = "auto" }):find("] red\n", 1, true))
end)

T.test("an option that is wrong is told, and the node runs", function()
	local text = run { lines = 1, log_format = "xml", log_level = "loud" }
	T.ok(text:find("the option `log_format` is xml, not text or json", 1, true), text)
	T.ok(text:find("the option `log_level` is loud, not debug, info, warn or error", 1, true), text)
	T.ok(text:find("line 000001", 1, true), text)
end)

T.run(3000)
