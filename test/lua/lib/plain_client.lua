-- A client as programs for skynet have them: run by a plain interpreter, `lua plain_client.lua PORT`, with package.path and
-- package.cpath as skynet's own folders have it. It logs in, asks by sproto, and prints what it got.
local socket = require "client.socket"
local crypt = require "client.crypt"
local sproto = require "sproto"
local bson = require "bson"

local port = tonumber((...))
local schema = [[
.package { type 0 : integer  session 1 : integer }
.item { id 0 : integer  price 1 : double  tags 2 : *string  parts 3 : *item(id) }
sum 1 { request { items 0 : *item } response { total 1 : double  ids 2 : *integer  best 3 : item } }
pushed 2 { request { text 0 : string } }
]]
local sp = sproto.parse(schema)
local host = sp:host "package"
local request = host:attach(sp)

local fd = socket.connect("127.0.0.1", port)
local received = ""

local function next_package()
	while true do
		if #received >= 2 then
			local size = received:byte(1) * 256 + received:byte(2)
			if #received >= size + 2 then
				local body = received:sub(3, size + 2)
				received = received:sub(size + 3)
				return body
			end
		end
		local bytes = socket.recv(fd)
		if bytes == "" then error "the server has closed" end
		if bytes then received = received .. bytes else socket.usleep(1000) end
	end
end

socket.send(fd, string.pack(">s2", crypt.base64encode "me"))
local items = {}
for i = 1, 40 do
	items[i] = { id = i * 1000003, price = i / 4, tags = { "tag" .. i, "" }, parts = { [i] = { id = i } } }
end
socket.send(fd, string.pack(">s2", request("sum", { items = items }, 7)))
for _ = 1, 2 do
	local kind, what, content = host:dispatch(next_package())
	if kind == "REQUEST" then
		print(kind, what, content.text)
	else
		print(kind, what, content.total, #content.ids, content.ids[40], content.best.tags[1], content.best.parts[40].id)
	end
end
local document = bson.decode(bson.encode { list = { 1, "two", { three = 3.5 } }, large = 1 << 62, none = bson.null })
print(#document.list, document.list[3].three, document.large == 1 << 62, document.none == bson.null)
local _, err = pcall(sp.encode, sp, "item", { id = "no number" })
print((err:gsub("^.-: ", "")))
socket.close(fd)
