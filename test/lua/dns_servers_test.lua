-- skynet.dns with several name servers: what each says, over UDP and over TCP, and what resolv.conf asks for.
local skynet = require "skynet"
local socket = require "skynet.socket"
local dns = require "skynet.dns"
local net = require "net"
local T = require "harness"

dns.DEFAULT_HOSTS = false

local base = tonumber(skynet.getenv "port")
local NAME, A = "\192\12", "\10\0\0\7"
local NXDOMAIN, SERVFAIL, REFUSED = 3, 2, 5

local function u16(n) return string.char(math.floor(n / 256), n % 256) end

local function record(name, kind, data) return name .. u16(kind) .. "\0\1\0\0\0\60" .. u16(#data) .. data end

-- An answer to `query`: `count` records follow it.
local function head(query, count, code, truncated)
	return query:sub(1, 2) .. string.char(truncated and 131 or 129, 128 + (code or 0)) .. "\0\1" .. u16(count) .. "\0\0\0\0" .. query:sub(13)
end

local function good(query) return head(query, 1) .. record(NAME, 1, A) end
local function refuse(code) return function(query) return head(query, 0, code) end end
local function silent() end

local function name_in(query)
	local labels, at = {}, 13
	while query:byte(at) ~= 0 do
		labels[#labels + 1] = query:sub(at + 1, at + query:byte(at))
		at = at + query:byte(at) + 1
	end
	return table.concat(labels, ".")
end

-- A server on port base + n. `respond(query, asked)` gives its datagrams; `asked` are the names so far. With
-- `stream(id)` it takes TCP as well.
local function name_server(n, respond, stream)
	local self = { asked = {}, from = {} }
	local id
	id = socket.udp(function(query, from)
		table.insert(self.asked, name_in(query))
		table.insert(self.from, (select(2, socket.udp_address(from))))
		self.send = function(bytes) socket.sendto(id, from, bytes) end
		for _, bytes in ipairs { respond(query, self.asked) } do socket.sendto(id, from, bytes) end
	end, net.host, base + n)
	local listener = stream and socket.listen(net.host, base + n)
	if listener then
		socket.start(listener, function(tcp)
			assert(socket.start(tcp))
			stream(tcp)
			socket.close(tcp)
		end)
	end
	function self.close()
		socket.close(id)
		if listener then socket.close(listener) end
	end
	return self
end

-- Runs f with a resolv.conf of these lines; @N is the server on port base + N.
local function with_conf(lines, f)
	local path = os.tmpname()
	local file = assert(io.open(path, "w"))
	file:write((lines:gsub("@(%d)", function(n) return string.format("[%s]:%d", net.host, base + n) end)))
	file:close()
	dns.DEFAULT_RESOLV_CONF = path
	dns.server()
	dns.flush()
	local ok, err = pcall(f)
	os.remove(path)
	if not ok then error(err, 0) end
end

-- What dns.resolve(name) raises.
local function failure(name, ipv6) return tostring(T.raises(nil, dns.resolve, name, ipv6)) end

local function reads_query(tcp)
	local size = socket.read(tcp, 2)
	return size and socket.read(tcp, size:byte(1) * 256 + size:byte(2))
end

local function framed(bytes) return u16(#bytes) .. bytes end

T.test("what a server says is told, and is no time-out", function()
	local code
	local s = name_server(0, function(query) return head(query, 0, code) end)
	with_conf("nameserver @0\n", function()
		for want, n in pairs { ["no such name: no.test"] = NXDOMAIN, ["name server failed: no.test"] = SERVFAIL, ["refuses: no.test"] = REFUSED } do
			code = n
			local err = failure "no.test"
			T.ok(err:find(want, 1, true) and err:find("127.0.0.1:" .. base, 1, true), err)
			T.ok(not err:find("timeout", 1, true), err)
		end
		T.eq(#s.asked, 3, "nobody asks twice who has been answered")
		code = 9
		T.ok(failure("no.test"):find("code 9", 1, true))
		code = 0
		local err = failure("no.test", true)
		T.ok(err:find("no.test has no address of this kind (AAAA record", 1, true), err)
	end)
	s.close()
end)

T.test("a refusal that leaves the question out counts", function()
	local s = name_server(0, function(query) return query:sub(1, 2) .. "\129\129" .. ("\0"):rep(8) end)
	with_conf("nameserver @0", function() T.ok(failure("x.test"):find("FORMERR", 1, true)) end)
	s.close()
end)

T.test("silence is a time-out, after as many attempts as the options say", function()
	local s = name_server(0, silent)
	with_conf("nameserver @0\noptions timeout:1 attempts:2\n", function()
		local err = failure "mute.test"
		T.ok(err:find("timeout or no answer: mute.test", 1, true) and err:find("no answer within", 1, true), err)
		T.eq(s.asked, { "mute.test", "mute.test" })
	end)
	s.close()
end)

T.test("the next server is asked when the first is silent, fails or refuses", function()
	for _, first in ipairs { silent, refuse(SERVFAIL), refuse(REFUSED) } do
		local a, b = name_server(0, first), name_server(1, good)
		with_conf("options timeout:1\nnameserver @0\nnameserver @1\n", function()
			T.eq((dns.resolve "second.test"), "10.0.0.7")
			T.eq({ a.asked, b.asked }, { { "second.test" }, { "second.test" } })
		end)
		a.close()
		b.close()
	end
end)

T.test("a name that does not exist is asked of one server only", function()
	local a, b = name_server(0, refuse(NXDOMAIN)), name_server(1, good)
	with_conf("nameserver @0\nnameserver @1\n", function()
		T.ok(failure("gone.test"):find("NXDOMAIN", 1, true))
		T.eq(#b.asked, 0)
	end)
	a.close()
	b.close()
end)

T.test("when all servers fail, the error tells of each", function()
	local a, b = name_server(0, refuse(SERVFAIL)), name_server(1, refuse(REFUSED))
	with_conf("nameserver @0\nnameserver @1\n", function()
		local err = failure "both.test"
		T.ok(err:find(base .. ": SERVFAIL", 1, true) and err:find((base + 1) .. ": REFUSED", 1, true), err)
	end)
	a.close()
	b.close()
end)

T.test("rotate begins with another server each time", function()
	local a, b = name_server(0, good), name_server(1, good)
	with_conf("nameserver @0\nnameserver @1\noptions rotate\n", function()
		for i = 1, 4 do dns.resolve("turn" .. i .. ".test") end
		T.eq({ #a.asked, #b.asked }, { 2, 2 })
	end)
	a.close()
	b.close()
end)

T.test("short names are looked for in the search list first, long ones as they are", function()
	local s = name_server(0, function(query)
		if name_in(query):find "^host%.b%." or name_in(query) == "a.long.name" then return good(query) end
		return head(query, 0, NXDOMAIN)
	end)
	with_conf("nameserver @0\ndomain ignored.test\nsearch a.test b.test\noptions ndots:2\n", function()
		T.eq((dns.resolve "host"), "10.0.0.7")
		T.eq(s.asked, { "host.a.test", "host.b.test" })
		T.eq((dns.resolve "host"), "10.0.0.7")
		T.eq(#s.asked, 2, "the short name is cached as well")
		T.eq((dns.resolve "a.long.name"), "10.0.0.7")
		T.eq(s.asked[3], "a.long.name")
		T.ok(failure("host."):find("no such name: host ", 1, true))
		T.eq(s.asked[4], "host", "a dot at the end: no search")
		T.eq(#s.asked, 4)
		T.ok(failure("x.y"):find("no such name: x.y ", 1, true))
		T.eq({ s.asked[5], s.asked[6], s.asked[7] }, { "x.y.a.test", "x.y.b.test", "x.y" })
	end)
	s.close()
end)

T.test("lines of resolv.conf that say nothing sensible are passed over", function()
	local s = name_server(0, good)
	with_conf("; old\n# nameserver 10.0.0.1\nnameserver\nnameserver not-an-address\nnameserver @0 # here\n"
		.. "options ndots:x timeout: attempts:0 whatever\nsearch a..b\n", function()
		T.ok(net.logged(function() T.eq((dns.resolve "fine.test"), "10.0.0.7") end):find(":4: not the address of a server: not%-an%-address"))
	end)
	with_conf("search a.test\n", function() T.raises("no nameserver in " .. dns.DEFAULT_RESOLV_CONF, dns.resolve, "x.test") end)
	s.close()
end)

T.test("a truncated answer is fetched over TCP, however long it is", function()
	local many = 2000
	local s = name_server(0, function(query) return head(query, 0, 0, true) end, function(tcp)
		local query = reads_query(tcp)
		local bytes = framed(head(query, many) .. record(NAME, 1, A):rep(many))
		for at = 1, #bytes, 7000 do socket.write(tcp, bytes:sub(at, at + 6999)) end
		socket.read(tcp, 1)
	end)
	with_conf("nameserver @0\n", function()
		local ip, all = dns.resolve "long.test"
		T.eq({ ip, #all }, { "10.0.0.7", many })
	end)
	s.close()
end)

T.test("use-vc asks over TCP only", function()
	local s = name_server(0, silent, function(tcp) socket.write(tcp, framed(good(reads_query(tcp)))) end)
	with_conf("nameserver @0\noptions use-vc\n", function() T.eq((dns.resolve "stream.test"), "10.0.0.7") end)
	T.eq(#s.asked, 0)
	s.close()
end)

T.test("whatever goes wrong over TCP is told, and the next server is asked", function()
	local stream
	local a = name_server(0, function(query) return head(query, 0, 0, true) end, function(tcp) stream(tcp) end)
	local b
	local faults = {
		["the connection ended"] = function(tcp) reads_query(tcp) end,
		["timed out"] = function(tcp) socket.read(tcp) socket.write(tcp, "\0") socket.read(tcp) end,
		["no answer to this query"] = function(tcp)
			local query = reads_query(tcp)
			socket.write(tcp, framed(u16((query:byte(1) * 256 + query:byte(2) + 1) % 65536) .. good(query):sub(3)))
		end,
		["a malformed answer"] = function(tcp) socket.write(tcp, framed(good(reads_query(tcp)):sub(1, -3))) end,
		["a truncated answer"] = function(tcp) socket.write(tcp, framed(head(reads_query(tcp), 0, 0, true))) end,
	}
	for want, f in pairs(faults) do
		stream = f
		with_conf("nameserver @0\noptions timeout:1 attempts:1", function()
			local err = failure "fault.test"
			T.ok(err:find("truncated, and over TCP: " .. want, 1, true), err)
		end)
		b = name_server(1, good)
		with_conf("nameserver @0\nnameserver @1\noptions timeout:1 attempts:1", function() T.eq((dns.resolve "fault.test"), "10.0.0.7") end)
		b.close()
	end
	a.close()
	a = name_server(0, function(query) return head(query, 0, 0, true) end)
	with_conf("nameserver @0", function() T.ok(failure("closed.test"):find("Connection refused", 1, true)) end)
	a.close()
end)

T.test("a chain of aliases is followed in any order of its records, and a circle of them ends", function()
	local chain = record(NAME, 5, "\1b\4test\0") .. record("\1b\4test\0", 5, "\1c\4test\0") .. record("\1c\4test\0", 1, A)
	local mixed = record("\1c\4test\0", 1, A) .. record("\1b\4test\0", 5, "\1c\4test\0") .. record(NAME, 5, "\1b\4test\0")
	local circle = record(NAME, 5, "\1b\4test\0") .. record("\1b\4test\0", 5, NAME) .. record("\1c\4test\0", 1, A)
	local records
	local s = name_server(0, function(query) return head(query, 3) .. records end)
	with_conf("nameserver @0", function()
		for i, r in ipairs { chain, mixed } do
			records = r
			T.eq((dns.resolve("alias" .. i .. ".test")), "10.0.0.7")
		end
		records = circle
		T.raises("timeout or no answer", dns.resolve, "circle.test")
	end)
	s.close()
end)

T.test("names as long as the protocol allows; with a domain behind them that is left out which is longer", function()
	local s = name_server(0, good)
	local long = (("a"):rep(63) .. "."):rep(3) .. ("a"):rep(61)
	with_conf("nameserver @0\nsearch domain.test\noptions ndots:9\n", function()
		T.eq((dns.resolve(long)), "10.0.0.7")
		T.eq(s.asked, { long })
	end)
	s.close()
end)

T.test("a dot inside a label does not make it the name that was asked for", function()
	local s = name_server(0, function(query)
		return head(query, 2) .. record("\10inner.test\0", 1, "\6\6\6\6") .. record(NAME, 1, A)
	end)
	with_conf("nameserver @0", function()
		local _, all = dns.resolve "inner.test"
		T.eq(all, { "10.0.0.7" })
	end)
	s.close()
end)

T.test("an answer of the first server counts while the second is asked", function()
	local answer
	local a = name_server(0, function(query) answer = answer or good(query) end)
	local b = name_server(1, function() a.send(answer) end)
	with_conf("nameserver @0\nnameserver @1\noptions timeout:1 attempts:1", function()
		T.eq((dns.resolve "slow.test"), "10.0.0.7")
	end)
	a.close()
	b.close()
end)

T.test("queries leave from changing ports, and those of before are closed", function()
	local s = name_server(0, good)
	local sockets = #socket.netstat()
	with_conf("nameserver @0", function()
		for i = 1, 250 do dns.resolve("port" .. i .. ".test") end
	end)
	local ports, count = {}, 0
	for _, port in ipairs(s.from) do
		if not ports[port] then ports[port], count = true, count + 1 end
	end
	T.ok(count >= 3, count)
	T.eventually(function() return #socket.netstat() <= sockets + 1 end)
	s.close()
end)

T.test("random bytes over TCP never raise outside", function()
	local random = T.random(11)
	local s = name_server(0, silent, function(tcp)
		local query = reads_query(tcp)
		socket.write(tcp, framed(head(query, random(5) - 1) .. T.random_bytes(random, random(81) - 1)))
	end)
	with_conf("nameserver @0\noptions use-vc attempts:1", function()
		for i = 1, 100 do
			local ok, err = pcall(dns.resolve, "fuzz" .. i .. ".test")
			T.ok(ok or tostring(err):find("malformed", 1, true) or tostring(err):find("timeout or no answer", 1, true), err)
		end
	end)
	s.close()
end)

T.run(6000)
