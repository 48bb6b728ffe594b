-- skynet.socketchannel beyond the conformance cases: failures in odd moments, and what must not leak.
local skynet = require "skynet"
local socket = require "skynet.socket"
local sc = require "skynet.socketchannel"
local net = require "net"
local T = require "harness"

local function line(sock)
	return true, sock:readline()
end

-- A server that answers each line with handler(line, id); nil: nothing, false: it closes.
local function server(handler)
	local listener, port = net.serve(function(id)
		while true do
			local text = socket.readline(id)
			if not text then return end
			local answer = handler(text, id)
			if answer == false then return end
			if answer then socket.write(id, answer .. "\n") end
		end
	end)
	return port, function() socket.close(listener) end
end

local function echo(text) return "re " .. text end

local function channel(port, more)
	local description = { host = net.host, port = port }
	for k, v in pairs(more or {}) do description[k] = v end
	return sc.channel(description)
end

T.test("a connection lost inside auth fails the attempt, it does not hang", function()
	local port, stop = server(function() return false end)
	local c = channel(port, { auth = function(ch)
		pcall(ch.request, ch, "hello\n", line)
		-- the connection is gone: this must raise, too
		ch:request("again\n", line)
	end })
	local err = T.raises(nil, c.request, c, "x\n", line)
	T.ok(err == sc.error)
	stop()
end)

T.test("an auth that fails is logged, and that no address is left", function()
	local port, stop = server(function() return false end)
	for what, auth in pairs {
		["closed during auth"] = function(ch) ch:request("hello\n", line) end,
		["not today"] = function() error("not today", 0) end,
	} do
		local c = channel(port, { auth = auth })
		local logged = net.logged(function() T.raises(nil, c.connect, c, true) end)
		T.ok(logged:find("socket: auth failed " .. (what == "not today" and what or "[Error: socket]"), 1, true), logged)
		T.ok(logged:find("Connect failed no more backup host : " .. what .. " " .. net.host, 1, true), logged)
	end
	stop()
end)

T.test("auth that moves on for ever is given up", function()
	local port, stop = server(echo)
	local moves = 0
	local c = channel(port, { auth = function(ch)
		moves = moves + 1
		ch:changehost(net.host, port)
	end })
	T.ok(T.raises(nil, c.request, c, "x\n", line) == sc.error)
	T.within(moves, 2, 100)
	stop()
end)

T.test("a bad address raises at every caller and can be changed", function()
	local c = sc.channel { host = "no port" }
	local first, second = net.async(c.request, c, "x\n", line), net.async(c.request, c, "y\n", line)
	T.raises("Invalid address", first)
	T.eq(pcall(second), false)
	local port, stop = server(echo)
	c:changehost(net.host, port)
	T.eq(c:request("z\n", line), "re z")
	c:close()
	stop()
end)

T.test("close during an endless connect ends it", function()
	local listener, _, port = socket.listen(net.host, 0)
	socket.close(listener)
	local c = channel(port)
	local wait = net.async(c.connect, c)
	skynet.sleep(5)
	c:close()
	T.eq(wait(), false)
	T.raises("assertion failed", c.request, c, "x\n", line)
end)

-- An endless connect() that is in its second pause, of a second, or in a later one.
local function pausing_channel()
	local listener, _, port = socket.listen(net.host, 0)
	socket.close(listener)
	local c = channel(port)
	local wait = net.async(c.connect, c)
	skynet.sleep(20)
	return c, wait
end

T.test("close and changehost end the pause of an endless connect", function()
	local over = 0
	local function before_the_pause_is_over() skynet.timeout(60, function() over = over + 1 end) end
	local c, wait = pausing_channel()
	before_the_pause_is_over()
	c:close()
	T.eq(wait(), false)
	local port, stop = server(echo)
	T.eq(over, 0)
	T.eventually(function() return over == 1 end)
	c, wait = pausing_channel()
	before_the_pause_is_over()
	c:changehost(net.host, port)
	T.eq(wait(), true)
	T.eq(over, 1)
	T.eq(c:request("x\n", line), "re x")
	c:close()
	stop()
end)

T.test("changehost while others wait for an attempt takes them along", function()
	local asked, go_on = false, {}
	local one, stop_one = server(function()
		asked = true
		skynet.wait(go_on)
		return "one"
	end)
	local two, stop_two = server(function() return "two" end)
	local c = channel(one, { auth = function(ch) ch:request("auth\n", line) end })
	local waits = {}
	for i = 1, 3 do waits[i] = net.async(c.request, c, i .. "\n", line) end
	T.eventually(function() return asked end)
	c:changehost(net.host, two)
	for i = 1, 3 do T.eq(waits[i](), "two") end
	skynet.wakeup(go_on)
	c:close()
	stop_one()
	stop_two()
end)

T.test("one session cannot be waited for twice", function()
	local held = {}
	local port, stop = server(function(text, id) held[#held + 1] = { id, text } end)
	local c = channel(port, { response = function(sock)
		return tonumber(sock:readline()), true, "data"
	end })
	local wait = net.async(c.request, c, "7\n", 7)
	T.eventually(function() return held[1] end)
	T.raises("the session 7 is waited for already", c.request, c, "7\n", 7)
	socket.write(held[1][1], "7\n")
	T.eq(wait(), "data")
	c:close()
	stop()
end)

T.test("a request of a killed task leaves the order of replies as it is", function()
	local port, stop = server(function(text) skynet.sleep(3) return echo(text) end)
	local c = channel(port)
	T.eq(c:request("0\n", line), "re 0")
	local victim = skynet.fork(function() c:request("1\n", line) end)
	local wait = net.async(c.request, c, "2\n", line)
	skynet.sleep(1)
	skynet.killthread(victim)
	T.eq(wait(), "re 2")
	c:close()
	stop()
end)

for _, stage in ipairs { "auth", "handshake" } do
	T.test("who is killed in the " .. stage .. " takes the connection along, and another one connects", function()
		local before = net.count "TCP"
		local port, stop = server(echo)
		local held
		local c = channel(port, { [stage] = function()
			if held then return end
			held = true
			skynet.wait {}
		end })
		local victim = skynet.fork(function() c:request("1\n", line) end)
		T.eventually(function() return held end)
		local wait = net.async(c.request, c, "2\n", line)
		skynet.sleep(1)
		skynet.killthread(victim)
		T.eq(wait(), "re 2")
		c:close()
		stop()
		T.eventually(function() return net.count "TCP" <= before end)
	end)
end

T.test("a channel that nobody holds is closed, and nobody is blamed", function()
	local before = net.count "TCP"
	local port, stop = server(echo)
	local logged = net.logged(function()
		do
			local c = channel(port)
			T.eq(c:request("x\n", line), "re x")
		end
		T.eventually(function()
			collectgarbage()
			return net.count "TCP" <= before
		end)
	end)
	T.eq(logged:find("closed by peer", 1, true), nil)
	stop()
end)

T.test("a channel shows its socket and its address, as skynet's does", function()
	local port, stop = server(echo)
	local c = channel(port)
	T.eq({ c.__sock, c.__host, c.__port }, { false, "127.0.0.1", port })
	c:connect(true)
	T.eq(type(c.__sock[1]), "number")
	c:close()
	T.eq(c.__sock, false)
	stop()

	local gone, stop_gone = server(function() return false end)
	local d = channel(gone)
	d:connect(true)
	T.raises(nil, d.request, d, "x\n", line)
	T.eq(d.__sock, false)
	d:changehost("127.0.0.2", 7)
	T.eq({ d.__host, d.__port }, { "127.0.0.2", 7 })
	stop_gone()
end)

T.test("replies that come in one piece with the end of the stream are given out", function()
	local port, stop = server(function(text, id)
		if text == "2" then
			socket.write(id, "one\ntwo\n")
			return false
		end
	end)
	local c = channel(port)
	c:connect(true)
	local first, second = net.async(c.request, c, "1\n", line), net.async(c.request, c, "2\n", line)
	T.eq({ first(), second() }, { "one", "two" })
	c:close()
	stop()
end)

T.test("after an overloaded connection broke, the next one begins without overload", function()
	local flags = {}
	local port, stop = server(function() return false end)
	local held
	local listener = socket.listen(net.host, 0)
	socket.close(listener)
	local l, _, slow = socket.listen(net.host, 0)
	socket.start(l, function(id) held = id end)
	local c = channel(slow, { overload = function(on) flags[#flags + 1] = on end })
	for _ = 1, 16 do c:request(("x"):rep(1024 * 1024)) end
	T.eventually(function() return flags[1] == true end)
	c:changehost(net.host, port)
	c:request "x\n"
	T.eventually(function() return flags[2] == false end)
	c:close()
	socket.close_fd(held)
	socket.close(l)
	stop()
end)

T.test("a handshake is done before anything is read or sent, and others wait for it", function()
	local port, stop = server(function(text) return text == "hello" and "welcome" or "re " .. text end)
	local order = {}
	local c = channel(port, {
		handshake = function(link)
			socket.write(link[1], "hello\n")
			order[1] = link:readline()
		end,
		auth = function(ch) order[2] = ch:request("auth\n", line) end,
	})
	T.eq(c:ready(), false)
	local first, second = net.async(c.request, c, "1\n", line), net.async(c.request, c, "2\n", line)
	T.eq({ first(), second() }, { "re 1", "re 2" })
	T.eq(order, { "welcome", "re auth" })
	T.eq(c:ready(), true)
	c:close()
	T.eq(c:ready(), false)
	stop()
end)

T.test("a handshake that raises gives the address up for the next one, and its reason is told", function()
	local port, stop = server(echo)
	local other, stop_other = server(echo)
	local c = channel(port, { backup = { { host = net.host, port = other } }, handshake = function(link)
		if link.port == port then error("not this one", 0) end
	end })
	T.eq(c:request("1\n", line), "re 1")
	T.eq(c.__port, other)
	c:close()
	local d = channel(port, { tells_refusal = true, handshake = function() error("not this one", 0) end })
	T.eq(T.raises(nil, d.request, d, "1\n", line), "not this one")
	stop()
	stop_other()
end)

T.test("a channel that is closed in the handshake ends it", function()
	local port, stop = server(function() return nil end)
	local c, raised
	c = channel(port, { handshake = function(link)
		socket.write(link[1], "hello\n")
		raised = T.raises(nil, link.readline, link)
		error(raised, 0)
	end })
	local result = net.async(pcall, c.request, c, "1\n", line)
	T.eventually(function() return c.__sock end)
	c:close()
	T.eq((result()), false)
	T.ok(raised == sc.error)
	stop()
end)

T.test("session mode: who is told to wait no longer gets that error, and a late reply goes to nobody", function()
	local port, stop = server(function(text)
		if text == "5" then return "5\n4" end
		return text ~= "4" and text or nil
	end)
	local c = channel(port, { response = function(sock)
		local text = sock:readline()
		return tonumber(text), true, "re " .. text
	end })
	T.eq(c:request("1\n", 1), "re 1")
	local link = c:link()
	local waiting = net.async(c.request, c, "4\n", 4)
	T.eventually(function() return link.sessions[4] end)
	c:abandon(link, 4, "enough")
	T.raises("enough", waiting)
	c:abandon(link, 4, "nobody is there")
	T.eq(c:request("5\n", 5), "re 5")
	T.eq(c:request("6\n", 6), "re 6")
	c:close()
	stop()
end)

T.run(2000)
