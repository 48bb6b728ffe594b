-- skynet.dns beyond the conformance case: answers that must not be believed, malformed bytes, a change of servers.
local skynet = require "skynet"
local socket = require "skynet.socket"
local dns = require "skynet.dns"
local net = require "net"
local T = require "harness"

dns.DEFAULT_HOSTS = false

local function u16(n) return string.char(math.floor(n / 256), n % 256) end

local function record(name, kind, ttl, data)
	return name .. u16(kind) .. "\0\1" .. "\0\0" .. u16(ttl) .. u16(#data) .. data
end

-- The header of an answer to `query` and its question again.
local function head(query, count)
	return query:sub(1, 2) .. "\129\128\0\1" .. u16(count) .. "\0\0\0\0" .. query:sub(13)
end

local NAME = "\192\12"
local A = "\10\0\0\7"

local respond
local queries = 0
local base = tonumber(skynet.getenv "port")
local main

T.test("a name server", function()
	main = socket.udp(function(query, from)
		queries = queries + 1
		for _, bytes in ipairs { respond(query, from) } do socket.sendto(main, from, bytes) end
	end, net.host, base)
	dns.server(net.host, base)
	respond = function(query) return head(query, 1) .. record(NAME, 1, 60, A) end
	T.eq((dns.resolve "plain.test"), "10.0.0.7")
end)

T.test("ids of queries are not counted up", function()
	local ids = {}
	respond = function(query)
		ids[#ids + 1] = query:sub(1, 2)
		return head(query, 1) .. record(NAME, 1, 60, A)
	end
	for i = 1, 4 do dns.resolve("random" .. i .. ".test") end
	local function n(i) return ids[i]:byte(1) * 256 + ids[i]:byte(2) end
	T.ok(not (n(2) == n(1) + 1 and n(3) == n(2) + 1 and n(4) == n(3) + 1))
end)

T.test("only the answer that repeats the question counts", function()
	respond = function(query)
		local other = query:gsub("\5right", "\5wrong")
		return head(other, 1) .. record(NAME, 1, 60, "\6\6\6\6"),
			u16((query:byte(1) * 256 + query:byte(2) + 1) % 65536) .. head(query, 1):sub(3) .. record(NAME, 1, 60, "\6\6\6\6"),
			head(query, 1) .. record(NAME, 1, 60, A)
	end
	T.eq((dns.resolve "right.test"), "10.0.0.7")
end)

T.test("an answer from another address is ignored", function()
	local stranger = socket.udp(function() end, "127.0.0.2", base + 1)
	respond = function(query, from)
		socket.sendto(stranger, from, head(query, 1) .. record(NAME, 1, 60, "\6\6\6\6"))
		skynet.sleep(5)
		return head(query, 1) .. record(NAME, 1, 60, A)
	end
	T.eq((dns.resolve "sender.test"), "10.0.0.7")
	socket.close(stranger)
end)

T.test("records about other names are left out, aliases are followed", function()
	respond = function(query)
		return head(query, 3) .. record("\4evil\4test\0", 1, 60, "\6\6\6\6") .. record(NAME, 5, 60, "\4real\4test\0")
			.. record("\4real\4test\0", 1, 60, A)
	end
	local ip, all = dns.resolve "alias.test"
	T.eq({ ip, all }, { "10.0.0.7", { "10.0.0.7" } })
end)

T.test("malformed answers do no harm, a good one after them counts", function()
	local bad = {
		"", "\0", ("\0"):rep(11),
		head("\0\0" .. ("\0"):rep(10) .. "\3bad\4test\0\0\1\0\1", 9),
	}
	respond = function(query)
		local out = {}
		for _, b in ipairs(bad) do out[#out + 1] = query:sub(1, 2) .. b:sub(3) end
		local good = head(query, 1) .. record(NAME, 1, 60, A)
		for cut = 12, #good - 1 do out[#out + 1] = good:sub(1, cut) end
		-- a pointer to itself, a chain of pointers, a record longer than the message
		local at = #query
		out[#out + 1] = head(query, 1) .. "\192" .. string.char(at) .. "\0\1\0\1\0\0\0\60\0\4" .. A
		out[#out + 1] = head(query, 1) .. NAME .. "\0\1\0\1\0\0\0\60\255\255" .. A
		out[#out + 1] = head(query, 1) .. ("\63" .. ("x"):rep(63)):rep(6) .. "\0\0\1\0\1\0\0\0\60\0\4" .. A
		out[#out + 1] = good
		return (table.unpack or unpack)(out)
	end
	T.eq((dns.resolve "bad.test"), "10.0.0.7")
end)

T.test("random bytes never raise outside", function()
	local random = T.random(7)
	respond = function(query)
		local out = {}
		for i = 1, 200 do
			local tail = T.random_bytes(random, random(61) - 1)
			out[i] = i % 2 == 0 and query:sub(1, 2) .. "\129\128" .. tail or head(query, random(6) - 1) .. tail
		end
		out[#out + 1] = head(query, 1) .. record(NAME, 1, 60, A)
		return (table.unpack or unpack)(out)
	end
	local ok, err = pcall(dns.resolve, "fuzz.test")
	if not ok then T.ok(tostring(err):find("timeout or no answer", 1, true), err) end
end)

T.test("an answer that claims to hold for more than 68 years is not kept", function()
	respond = function(query) return head(query, 1) .. NAME .. "\0\1\0\1\255\255\255\255\0\4" .. A end
	local before = queries
	for _ = 1, 2 do T.eq((dns.resolve "forever.test"), "10.0.0.7") end
	T.eq(queries - before, 2)
end)

T.test("the cache survives a garbage collection", function()
	respond = function(query) return head(query, 1) .. record(NAME, 1, 600, A) end
	dns.resolve "kept.test"
	local before = queries
	collectgarbage()
	collectgarbage()
	T.eq((dns.resolve "KEPT.test."), "10.0.0.7")
	T.eq(queries, before)
end)

T.test("a change of the server takes effect at once, queries under way end with the old one", function()
	respond = function(query)
		skynet.sleep(10)
		return head(query, 1) .. record(NAME, 1, 60, A)
	end
	local wait = net.async(dns.resolve, "old.test")
	skynet.sleep(2)
	local second
	second = socket.udp(function(query, from)
		socket.sendto(second, from, head(query, 1) .. record(NAME, 1, 60, "\10\0\0\8"))
	end, net.host, base + 2)
	dns.server(net.host, base + 2)
	T.eq((dns.resolve "new.test"), "10.0.0.8")
	T.eq((wait()), "10.0.0.7")
	socket.close(second)
	dns.server(net.host, base)
end)

T.test("a datagram that is lost is sent again", function()
	local seen = 0
	respond = function(query)
		seen = seen + 1
		if seen == 2 then return head(query, 1) .. record(NAME, 1, 60, A) end
	end
	T.eq((dns.resolve "lost.test"), "10.0.0.7")
	T.eq(seen, 2)
end)

T.test("an answer that comes after its query was given up fills the cache, and is nobody else's", function()
	local late
	respond = function(query, from)
		late = function() socket.sendto(main, from, head(query, 1) .. record(NAME, 1, 60, A)) end
	end
	local sleep = skynet.sleep
	skynet.sleep = function(_, token) return sleep(1, token) end -- dns.resolve waits for 30 s otherwise
	local ok, err = pcall(dns.resolve, "late.test")
	skynet.sleep = sleep
	T.eq(ok, false)
	T.ok(tostring(err):find("timeout or no answer", 1, true), err)
	respond = function(query)
		late()
		return head(query, 1) .. record(NAME, 1, 60, "\10\0\0\9")
	end
	T.eq({ dns.resolve "next.test" }, { "10.0.0.9", { "10.0.0.9" } })
	local before = queries
	T.eq((dns.resolve "late.test"), "10.0.0.7")
	T.eq(queries, before)
end)

T.test("an expired entry is better than no answer", function()
	respond = function(query) return head(query, 1) .. record(NAME, 1, 0, A) end
	T.eq((dns.resolve "stale.test"), "10.0.0.7")
	respond = function(query) return head(query, 0) end
	T.eq((dns.resolve "stale.test"), "10.0.0.7")
	T.raises("timeout or no answer", dns.resolve, "never.test")
end)

T.test("names that are none are refused", function()
	for _, name in ipairs { "", ".x", "a..b", "x/y", ("a"):rep(64), ("a."):rep(130) .. "b" } do
		T.eq({ dns.resolve(name) }, { nil, "illegal name" }, name)
	end
end)

T.run(2000)
