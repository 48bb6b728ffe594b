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

T.test("LIST tells who is waited for", function()
	skynet.fork(pcall, skynet.queryservice, "never started")
	skynet.sleep(2)
	T.eq(skynet.call(".service", "lua", "LIST")["never started"], "Not started, 1 wait")
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

T.run()
