-- Bad luck with skynet.db.mongo: servers that close, reset, stall, or send bytes one by one, and a restart under load.
local skynet = require "skynet"
local socket = require "skynet.socket"
local driver = require "skynet.mongo.driver"
local mongo = require "skynet.db.mongo"
local bson = require "bson"
local mongo_peer = require "mongo_peer"
local net = require "net"
local T = require "harness"

local function client_of(peer, more)
	local conf = { host = peer.host, port = peer.port }
	for key, value in pairs(more or {}) do conf[key] = value end
	return mongo.client(conf)
end

local function plain(id)
	return function(n) return socket.read(id, n) end
end

T.test("replies that come byte by byte are those that come at once", function()
	for _, compressors in ipairs { false, "zlib" } do
		local peer = mongo_peer.new(function(command) return { "n", command.echo, "text", ("t"):rep(200), "ok", 1 } end, {
			hello = function() return { "ismaster", true, "compression", { "zlib" }, "ok", 1 } end,
			secure = function(id)
				return plain(id), function(bytes)
					for i = 1, #bytes do
						socket.write(id, bytes:sub(i, i))
						if i % 16 == 0 then skynet.yield() end
					end
				end
			end,
		})
		local client = client_of(peer, { compressors = compressors or nil })
		for i = 1, 5 do T.eq(client.db:runCommand("echo", i), { n = i, text = ("t"):rep(200), ok = 1 }) end
		client:disconnect()
		peer:stop()
	end
end)

T.test("a connection that closes in the middle of a reply fails all who wait, and the next call connects", function()
	for cut = 1, 60, 7 do
		local peer = mongo_peer.new(function(command, self)
			if command.wait then return nil end
			if command.bad then
				local message = driver.op_msg(1, 0, bson.encode { ok = 1, text = ("x"):rep(40) })
				socket.write(self.last_id, (message:sub(1, 8) .. self.request .. message:sub(13)):sub(1, cut))
				return false
			end
			return { "ok", 1 }
		end)
		local client = client_of(peer)
		local failed = 0
		for _ = 1, 10 do
			skynet.fork(function()
				if not pcall(client.runCommand, client, "wait") then failed = failed + 1 end
			end)
		end
		T.eventually(function() return peer:count "wait" == 10 end)
		T.eq((pcall(client.runCommand, client, "bad")), false)
		T.eventually(function() return failed == 10 end)
		T.eq(client:runCommand("ping").ok, 1)
		client:disconnect()
		peer:stop()
	end
end)

T.test("a server that resets the connection fails the call, and the next one connects", function()
	local peer = mongo_peer.new(function(command, self)
		if command.bad then
			-- What was sent and not read makes the close a reset.
			socket.close(self.last_id)
			return nil
		end
		return { "ok", 1 }
	end)
	local client = client_of(peer)
	for _ = 1, 3 do
		local results = 0
		for _ = 1, 5 do
			skynet.fork(function()
				pcall(client.db.runCommand, client.db, "bad", ("x"):rep(100000))
				results = results + 1
			end)
		end
		T.eventually(function() return results == 5 end)
		T.eq(client:runCommand("ping").ok, 1)
	end
	client:disconnect()
	peer:stop()
end)

T.test("a server that stalls: calls end at their deadline, and others are answered when it goes on", function()
	local stalled = true
	local peer = mongo_peer.new(function(command)
		if command.echo and stalled then return nil end
		return { "n", command.echo or command.ping, "ok", 1 }
	end)
	local client = client_of(peer, { timeout = 1 })
	local late = 0
	for i = 1, 50 do
		skynet.fork(function()
			local ok, err = pcall(client.db.runCommand, client.db, "echo", i)
			if not ok and tostring(err):find("no answer to echo", 1, true) then late = late + 1 end
		end)
	end
	T.eventually(function() return late == 50 end)
	T.eq(next(client.__sock.__sock.sessions), nil, "nobody waits for their answers any more")
	stalled = false
	T.eventually(function()
		local ok, reply = pcall(client.db.runCommand, client.db, "echo", 7)
		return ok and reply.n == 7
	end)
	client:disconnect()
	peer:stop()
end)

T.test("an answer that comes after its deadline is nobody's", function()
	local held = {}
	local peer
	peer = mongo_peer.new(function(command, self)
		if command.slow then
			held[#held + 1] = self.request
			return nil
		end
		if command.release then
			local bytes = {}
			for i, id in ipairs(held) do
				local message = driver.op_msg(1, 0, bson.encode { ok = 1, n = "late" })
				bytes[i] = message:sub(1, 8) .. id .. message:sub(13)
			end
			socket.write(self.last_id, table.concat(bytes))
			return { "n", "released", "ok", 1 }
		end
		return { "n", command.echo, "ok", 1 }
	end)
	local client = client_of(peer, { timeout = 1 })
	local late = 0
	for _ = 1, 5 do
		skynet.fork(function()
			if not pcall(client.runCommand, client, "slow") then late = late + 1 end
		end)
	end
	T.eventually(function() return late == 5 end)
	T.eventually(function()
		local ok, reply = pcall(client.runCommand, client, "release")
		return ok and reply.n == "released"
	end)
	T.eq(client.db:runCommand("echo", 4).n, 4)
	T.eq(peer.connections, 1)
	client:disconnect()
	peer:stop()
end)

T.test("a server that stalls in a log-in holds nobody up for longer than the time for it", function()
	local stalled = false
	local peer = mongo_peer.new(nil, { hello = function()
		if stalled then return nil end
		return { "ismaster", true, "ok", 1 }
	end })
	local client = client_of(peer, { connect_timeout = 1 })
	stalled = true
	peer:stop()
	peer:start()
	T.eventually(function() return (pcall(client.runCommand, client, "ping")) == false end)
	local failed = 0
	for _ = 1, 20 do
		skynet.fork(function()
			if not pcall(client.runCommand, client, "ping") then failed = failed + 1 end
		end)
	end
	T.eventually(function() return failed == 20 end)
	stalled = false
	T.eventually(function() return (pcall(client.runCommand, client, "ping")) end)
	client:disconnect()
	peer:stop()
end)

T.test("a reply that nobody asked for changes nothing", function()
	local peer = mongo_peer.new(function(command)
		if command.more then
			local message = driver.op_msg(1, 0, bson.encode { ok = 1, n = "wrong" })
			return message:sub(1, 8) .. "\255\255\255\127" .. message:sub(13)
		end
		return { "n", command.echo, "ok", 1 }
	end)
	local client = client_of(peer)
	skynet.fork(function() pcall(client.runCommand, client, "more") end)
	T.eventually(function() return peer:count "more" == 1 end)
	T.eq(client.db:runCommand("echo", 3).n, 3)
	client:disconnect()
	peer:stop()
end)

T.test("a restart with 1,000 requests under way: each gets its answer or an error, none another's", function()
	local held = {}
	local peer
	peer = mongo_peer.new(function(command, self)
		-- Every second one waits for the restart.
		if command.echo and command.echo % 2 == 0 and self.connections == 1 then
			held[#held + 1] = command.echo
			return nil
		end
		return { "n", command.echo, "ok", 1 }
	end)
	local client = client_of(peer)
	local function echo(i) return client.db:runCommand("echo", i).n end
	local result = net.many(1000, echo)
	T.eventually(function() return #held == 500 end)
	peer:stop()
	T.eventually(function() return result.ended == 1000 end)
	T.eq({ result.right, result.failed, result.wrong }, { 500, 500, 0 })
	peer:start()
	result = net.many(1000, echo)
	T.eventually(function() return result.ended == 1000 end)
	T.eq(result.right, 1000)
	client:disconnect()
	peer:stop()
end)

T.test("a command that is too large for the server fails alone", function()
	local peer = mongo_peer.new(function(command)
		if command.wait then return nil end
		return { "ok", 1 }
	end, { hello = function() return { "ismaster", true, "maxMessageSizeBytes", 1000, "ok", 1 } end })
	local client = client_of(peer)
	local failed = false
	skynet.fork(function() failed = not pcall(client.runCommand, client, "wait") end)
	T.eventually(function() return peer:count "wait" == 1 end)
	local err = T.raises("more than the 1000 of a message", client.db.coll.safe_insert, client.db.coll, { text = ("x"):rep(2000) })
	T.ok(err:find("^mongo " .. peer:name() .. ": insert of 2%d%d%d bytes"), err)
	T.eq(client:runCommand("ping").ok, 1)
	T.eq({ failed, peer.connections }, { false, 1 })
	client:disconnect()
	peer:stop()
end)

T.test("a client that disconnects while calls wait ends them, and later ones raise", function()
	local peer = mongo_peer.new(function(command)
		if command.wait then return nil end
		return { "ok", 1 }
	end)
	local client = client_of(peer, { selection_timeout = 60 })
	local failed = 0
	for _ = 1, 10 do
		skynet.fork(function()
			if not pcall(client.runCommand, client, "wait") then failed = failed + 1 end
		end)
	end
	T.eventually(function() return peer:count "wait" == 10 end)
	client:disconnect()
	T.eventually(function() return failed == 10 end)
	T.eq((pcall(client.runCommand, client, "ping")), false)
	client:disconnect()
	peer:stop()
end)

T.run()
