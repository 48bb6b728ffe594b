-- Whole numbers that the library writes as text: LuaJIT rounds those of more than 14 digits and puts letters behind those
-- of 64 bits, where Lua 5.4 writes all digits.
local skynet = require "skynet"
local mode = ...

if mode == "arguments" then
	local arguments = { ... }
	skynet.start(function()
		skynet.dispatch("lua", function() skynet.retpack(table.unpack(arguments)) end)
	end)
	return
end

-- 2^53 + 1, a number on Lua 5.4 and an int64_t on LuaJIT.
local LARGE = skynet.unpack "\50\1\0\0\0\0\0\32\0"

if skynet.getenv "says" then
	local other_node = require "other_node"
	skynet.start(function()
		other_node.guard()
		skynet.error(1234567890123456)
		skynet.error("ids", 100000000000000, LARGE, 1.5)
	end)
	return
end

if mode == "echo" then
	skynet.start(function()
		skynet.dispatch("lua", function(_, _, ...) skynet.retpack(...) end)
	end)
	return
end

local socket = require "skynet.socket"
local bson = require "bson"
local crypt = require "skynet.crypt"
local httpc = require "http.httpc"
local httpd = require "http.httpd"
local sockethelper = require "http.sockethelper"
local md5 = require "md5"
local sproto = require "sproto"
local console = require "console"
local net = require "net"
local other_node = require "other_node"
local T = require "harness"

local NUMBERS = { 100000000000000, 1234567890123456, -1234567890123456, 9007199254740992, LARGE }
local TEXTS = { "100000000000000", "1234567890123456", "-1234567890123456", "9007199254740992", "9007199254740993" }

T.test("a new service gets all digits of its arguments", function()
	local service = skynet.newservice("written_numbers_test", "arguments", table.unpack(NUMBERS))
	T.eq({ skynet.call(service, "lua") }, { "arguments", table.unpack(TEXTS) })
	skynet.kill(service)
end)

T.test("the environment gets all digits", function()
	for i, number in ipairs(NUMBERS) do
		skynet.setenv("written_" .. i, number)
		T.eq(skynet.getenv("written_" .. i), TEXTS[i])
	end
	T.raises(nil, skynet.setenv, "written_nothing", nil)
	T.raises(nil, skynet.setenv, "written_flag", true)
end)

T.test("a socket sends all digits, alone and in a list", function()
	local got
	local stop, port = net.serve(function(id) got = socket.readall(id) end)
	local id = assert(socket.open("127.0.0.1", port))
	for _, number in ipairs(NUMBERS) do
		socket.write(id, number)
		socket.write(id, { ";", number, ";" })
	end
	socket.close(id)
	local want = {}
	for i, text in ipairs(TEXTS) do want[i] = text .. ";" .. text .. ";" end
	T.eq(T.eventually(function() return got end), table.concat(want))
	socket.close(stop)
end)

T.test("forms and headers have all digits", function()
	local header, body
	local stop, port = net.serve(function(id)
		local _
		_, _, _, header, body = httpd.read_request(sockethelper.readfunc(id))
		httpd.write_response(sockethelper.writefunc(id), 200, "", { ["x-id"] = { NUMBERS[2], LARGE }, ["x-one"] = NUMBERS[1] })
	end)
	local host = "127.0.0.1:" .. port
	for i, number in ipairs(NUMBERS) do
		local answer = {}
		T.eq(httpc.post(host, "/", { id = number }, answer), 200)
		T.eq(body, "id=" .. TEXTS[i]:gsub("-", "%%2D"))
		T.eq({ answer["x-id"], answer["x-one"] }, { { TEXTS[2], TEXTS[5] }, TEXTS[1] })
		T.eq(httpc.get(host, "/", nil, { ["x-id"] = number }), 200)
		T.eq(header["x-id"], TEXTS[i])
	end
	socket.close(stop)
end)

T.test("a native function takes a number as a text of all its digits", function()
	for i, number in ipairs(NUMBERS) do
		T.eq(crypt.base64encode(number), crypt.base64encode(TEXTS[i]))
		T.eq(md5.sumhexa(number), md5.sumhexa(TEXTS[i]))
	end
end)

T.test("the keys of an ordered document have all digits", function()
	for i, number in ipairs(NUMBERS) do
		T.eq(bson.decode(bson.encode_order(number, i)), { [TEXTS[i]] = i })
	end
end)

T.test("the log has all digits", function()
	local node = other_node.start("written_numbers_test", { says = true })
	node:await_log "%] 1234567890123456\n"
	node:await_log "%] ids 100000000000000 9007199254740993 1%.5\n"
	node:signal "KILL"
end)

T.test("the debug console shows all digits", function()
	local service = skynet.newservice("written_numbers_test", "echo")
	local fd = console.open()
	socket.write(fd, string.format("call %x 1234567890123456\n", service))
	T.ok(console.till(fd, "OK>\n"):find("1\t1234567890123456\n", 1, true))
	socket.close(fd)
	skynet.kill(service)
end)

T.test("other numbers are written as tostring() has them", function()
	for _, number in ipairs { 0, 1, -7, 1.5, 99999999999999, 1e300 } do
		T.eq(crypt.base64encode(number), crypt.base64encode(tostring(number)))
	end
end)

T.test("fields for doubles and decimals take integers of 64 bits", function()
	local schema = sproto.parse ".T { d 0 : double l 1 : *double f 2 : integer(1) m 3 : *integer(1) }"
	local got = schema:decode("T", schema:encode("T", { d = LARGE, l = { 1, LARGE }, f = LARGE, m = { LARGE } }))
	T.eq(got, { d = 2 ^ 53, l = { 1, 2 ^ 53 }, f = 2 ^ 53, m = { 2 ^ 53 } })
end)

T.run()
