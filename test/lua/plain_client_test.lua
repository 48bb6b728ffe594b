-- Clients in Lua that are no services: an interpreter of the system runs them, with the modules of lualib/ and luaclib/.
local socket = require "skynet.socket"
local sproto = require "sproto"
local crypt = require "skynet.crypt"
local net = require "net"
local shell = require "shell"
local T = require "harness"

local SCRIPT = assert(package.searchpath("plain_client", package.path))
local LUALIB = package.searchpath("skynet", package.path):match "^(.*)skynet%.lua$"
local LUACLIB = assert(package.cpath:match "([^;]*luaclib/)%?")

local SCHEMA = [[
.package { type 0 : integer  session 1 : integer }
.item { id 0 : integer  price 1 : double  tags 2 : *string  parts 3 : *item(id) }
sum 1 { request { items 0 : *item } response { total 1 : double  ids 2 : *integer  best 3 : item } }
pushed 2 { request { text 0 : string } }
]]

-- Runs the client until it ends. Its standard input stays open meanwhile: client.socket ends with that.
local function run(port)
	local sanitizer = LUACLIB:match "build/(%l)san/"
	local preload = sanitizer and string.format("ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$(g++ -print-file-name=lib%ssan.so) ", sanitizer) or ""
	local file = io.open("client.sh", "w")
	file:write(string.format([[export LUA_PATH='%s?.lua' LUA_CPATH='%s?.so'
%slua5.4 '%s' %d > output 2>&1
echo $? > status
]], LUALIB, LUACLIB, preload, SCRIPT, port))
	file:close()
	os.remove "status"
	os.execute "{ sleep 60 & echo $!; wait; } | { read p; sh client.sh < /dev/fd/0; kill $p; } > /dev/null 2>&1 &"
	T.eventually(function() return shell "cat status 2> /dev/null" end, 3000, "the client's end")
	local out = assert(io.open "output")
	local text = out:read "*a"
	out:close()
	return text, shell "cat status"
end

T.test("a client in a plain interpreter talks sproto with the node", function()
	local sp = sproto.parse(SCHEMA)
	local host = sp:host "package"
	local push = host:attach(sp)
	local login
	local function send(id, text)
		socket.write(id, string.char(math.floor(#text / 256), #text % 256) .. text)
	end
	local listener, port = net.serve(function(id)
		login = crypt.base64decode(socket.read(id, socket.header(socket.read(id, 2))))
		local kind, name, args, respond = host:dispatch(socket.read(id, socket.header(socket.read(id, 2))))
		T.eq({ kind, name, #args.items }, { "REQUEST", "sum", 40 })
		local ids, total = {}, 0
		for i, item in ipairs(args.items) do
			ids[i], total = item.id, total + item.price
		end
		send(id, push("pushed", { text = "hello" }))
		send(id, respond { ids = ids, total = total, best = args.items[40] })
		socket.read(id)
	end)
	local text, status = run(port)
	socket.close(listener)
	T.eq(text, "REQUEST\tpushed\thello\nRESPONSE\t7\t205.0\t40\t40000120\ttag40\t40\n"
		.. "3\t3.5\ttrue\ttrue\nitem.id[0] is not an integer (Is a string)\n")
	T.eq(status, "0")
	T.eq(login, "me")
end)

T.run()
