-- The launcher and the manager of unique services when services end at the wrong moment.
local skynet = require "skynet"
require "skynet.manager"
local T = require "harness"

local role, argument = ...
if role == "starting" then
	skynet.start(function() skynet.sleep(tonumber(argument)) end)
	return
elseif role == "leaving" then
	skynet.start(function()
		skynet.sleep(2)
		skynet.exit()
	end)
	return
elseif role == "unstarted" then
	return -- never calls skynet.start
end

local function launcher(...) return skynet.call(".launcher", "lua", ...) end

local function find(what)
	return T.eventually(function()
		for address, description in pairs(launcher "LIST") do
			if description == what then return tonumber(address:sub(2), 16) end
		end
	end)
end

-- Starts `launcher_test starting N` in the background; returns its handle and a table that gets `ok`.
local function start_slowly(mark)
	local r = {}
	skynet.fork(function() r.ok = pcall(skynet.newservice, "launcher_test", "starting", mark) end)
	return find("snlua launcher_test starting " .. mark), r
end

T.test("a nil among the arguments of a service is an error, at their end it is none", function()
	T.raises("call failed", skynet.newservice, "launcher_test", "starting", nil, "1")
	local text = T.raises("a nil", skynet.launch, "snlua", "launcher_test", "starting", nil, "1")
	T.ok(text:find("behind 'snlua launcher_test starting' comes a nil", 1, true), text)
	T.raises("a boolean", skynet.launch, "snlua", "launcher_test", true)
	local handle = skynet.newservice("launcher_test", "starting", 0, nil)
	T.eq(launcher "LIST"[skynet.address(handle)], "snlua launcher_test starting 0")
end)

T.test("a service that is killed while it starts has failed to start", function()
	local handle, r = start_slowly(100001)
	skynet.kill(handle)
	T.eventually(function() return r.ok ~= nil end)
	T.eq(r.ok, false)
	T.eq(launcher "LIST"[skynet.address(handle)], nil)
end)

T.test("also when it is killed by name or by the core's command", function()
	local handle, r = start_slowly(100002)
	skynet.name(".launcher-test", handle)
	skynet.kill ".launcher-test"
	T.eventually(function() return r.ok ~= nil end)
	handle, r = start_slowly(100003)
	require("skynet.core").command("KILL", skynet.address(handle))
	T.eventually(function() return r.ok ~= nil end)
	T.eq(r.ok, false)
	T.eq(launcher "LIST"[skynet.address(handle)], nil)
end)

T.test("QUERY tells the service that a request of the asker is starting", function()
	local session
	skynet.fork(function()
		session = skynet.genid() + 1
		pcall(skynet.call, ".launcher", "lua", "LAUNCH", "snlua", "launcher_test", "starting", 100004)
	end)
	local handle = find "snlua launcher_test starting 100004"
	T.eq(launcher("QUERY", session), handle)
	T.eq(launcher("QUERY", session + 100), nil)
	skynet.kill(handle)
end)

T.test("commands that need no answer can be called all the same", function()
	T.eq(select("#", launcher("REMOVE", 0xfffff0)), 1)
	T.raises("call failed", launcher, "LAUNCH")
	T.raises("call failed", launcher, "KILL")
	T.eq(launcher("KILL", ".nobody"), { [".nobody"] = "nil" })
end)

T.test("a unique service that leaves while it starts gives everybody an error, now and later", function()
	local failed = 0
	for _ = 1, 3 do
		skynet.fork(function()
			local ok, err = pcall(skynet.uniqueservice, "launcher_test", "leaving")
			if not ok and err:find("exited while it started", 1, true) then failed = failed + 1 end
		end)
	end
	T.eventually(function() return failed == 3 end)
	T.raises("exited while it started", skynet.queryservice, "launcher_test")
	T.ok(skynet.call(".service", "lua", "LIST").launcher_test:find("^Error: "))
end)

T.test("the name of a unique service is a string, or a number", function()
	for _, f in ipairs { skynet.uniqueservice, skynet.queryservice } do
		T.raises("the name of a service is a string, not nil", f)
		T.raises("the name of a service is a string, not a table", f, {})
		T.raises("the name of a service is a string, not nil", f, true)
		T.raises("the name of a service is a string, not a boolean", f, false)
	end
	T.raises("call failed", skynet.uniqueservice, 5) -- there is no file 5.lua
	T.ok(skynet.call(".service", "lua", "LIST")["5"]:find("^Error: "))
end)

T.test("LIST tells of a service that is not ready who initialises, launches and waits, with tracebacks", function()
	local SERVICE = skynet.call(".service", "lua", "LIST")
	T.eq(SERVICE["never started"], nil)
	local me = skynet.address(skynet.self())
	skynet.fork(pcall, skynet.queryservice, "never started")
	skynet.fork(pcall, skynet.uniqueservice, "slow_start")
	skynet.fork(pcall, skynet.queryservice, "slow_start")
	local slow
	T.eventually(function()
		slow = find "snlua slow_start"
		return slow
	end)
	local list = skynet.call(".service", "lua", "LIST")
	local never = list["never started"]
	T.ok(never:find("^Querying:\n" .. me .. "\nstack traceback:"), never)
	local text = list.slow_start
	local init, launch, query = text:match("^Init as (%S+)\n(.-)\nLaunching from " .. me .. "\n(.-)\nQuerying:\n" .. me .. "\n(.*)$")
	T.eq(init, skynet.address(slow), text)
	T.ok(text:find("slow_start.lua", 1, true), text)
	for _, trace in ipairs { launch, query } do T.ok(trace:find("stack traceback:", 1, true), text) end
	skynet.kill(slow)
end)

T.test("LIST tells of a snax service whose init waits", function()
	skynet.fork(pcall, require("skynet.snax").uniqueservice, "snax_slow")
	T.eventually(function()
		local text = skynet.call(".service", "lua", "LIST")["snaxd.snax_slow"]
		return text and text:find("^Init as :%x+\n") and text:find("snax_slow.lua", 1, true)
			and text:find("\nLaunching from " .. skynet.address(skynet.self()) .. "\nstack traceback:")
	end)
	skynet.kill(find "snlua snaxd snax_slow")
end)

T.test("LIST does not wait for a service that is busy", function()
	local busy = skynet.newservice "spinning"
	skynet.send(busy, "lua")
	T.eventually(function()
		local text = skynet.call(".service", "lua", "LIST")["asked by busy"]
		return text and text:find("does not answer", 1, true)
	end)
	skynet.setenv("spinning_may_end", "yes")
end)

T.test("unique services are asked for with one result", function()
	T.eq(select("#", skynet.uniqueservice "echo"), 1)
	T.eq(select("#", skynet.uniqueservice "echo"), 1)
	T.eq(select("#", skynet.uniqueservice(true, "echo")), 1)
	T.eq(select("#", skynet.queryservice "echo"), 1)
	T.eq(select("#", skynet.queryservice(true, "echo")), 1)
	T.eq(select("#", skynet.call(".service", "lua", "LAUNCH", "echo")), 1)
	T.eq(select("#", skynet.call(".service", "lua", "QUERY", "echo")), 1)
	T.eq(select("#", skynet.call(".service", "lua", "GQUERY", "echo")), 1)
end)

T.test("the global names keep their first owner", function()
	local harbor = require "skynet.harbor"
	harbor.globalname("FIRST", skynet.self())
	T.raises("call failed", skynet.call, ".cslave", "lua", "REGISTER", "FIRST", 3)
	T.raises("call failed", skynet.call, ".cslave", "lua", "REGISTER", "NOHANDLE", "x")
	T.raises("call failed", harbor.linkmaster)
	T.eq(harbor.queryname "FIRST", skynet.self())
end)

T.test("the harbor service takes no bytes of a service for a message to another node", function()
	local harbor = require "skynet.harbor"
	local HARBOR = 5
	skynet.register_protocol {
		name = "system",
		id = skynet.PTYPE_SYSTEM,
		pack = function(...) return ... end,
		unpack = skynet.tostring,
	}
	for size = 0, 64 do
		for _, byte in ipairs { "\0", "x", "\255" } do
			T.raises("call failed", skynet.call, HARBOR, "system", byte:rep(size))
			skynet.send(HARBOR, "system", byte:rep(size))
		end
	end
	harbor.globalname("AFTER", skynet.self())
	T.eq(skynet.call("AFTER", "debug", "PING"), nil)
end)

T.test("a service that does not start, or takes long, is told in the list with the time of its launch", function()
	skynet.fork(pcall, skynet.newservice, "launcher_test", "unstarted")
	local slow = start_slowly(900)
	local function told(what)
		for _, description in pairs(launcher "LIST") do
			if description:find("^snlua launcher_test " .. what .. " %(not started since %d+%-%d+%-%d+ %d+:%d+:%d+%)$") then
				return true
			end
		end
	end
	T.eventually(function() return told "unstarted" and told "starting 900" end, 1500)
	T.eventually(function() return launcher "LIST"[skynet.address(slow)] == "snlua launcher_test starting 900" end, 1500)
end)

T.run()
