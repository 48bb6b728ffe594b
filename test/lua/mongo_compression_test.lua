-- OP_COMPRESSED of skynet.db.mongo.
local skynet = require "skynet"
local mongo = require "skynet.db.mongo"
local compression = require "skynet.mongo.compression"
local driver = require "skynet.mongo.driver"
local bson = require "bson"
local mongo_peer = require "mongo_peer"
local T = require "harness"

local TEXT = ("a text that repeats itself, "):rep(1000)

local function knowing(...)
	local names = { ... }
	return function() return { "ismaster", true, "compression", names, "ok", 1 } end
end

local function client_of(peer, compressors)
	return mongo.client { host = peer.host, port = peer.port, compressors = compressors }
end

T.test("what both know is used, the first of ours first", function()
	for _, case in ipairs {
		{ "zstd,zlib", { "zlib", "zstd" }, "zstd" },
		{ "snappy", { "snappy", "zlib" }, "snappy" },
		{ "zstd,zlib", { "zlib" }, "zlib" },
		{ "zstd", { "snappy" }, nil },
	} do
		local peer = mongo_peer.new(function(command) return { "echo", command.text, "ok", 1 } end,
			{ hello = knowing((table.unpack or unpack)(case[2])) })
		local client = client_of(peer, case[1])
		T.eq(client.db:runCommand("echo", 1, "text", TEXT).echo, TEXT)
		T.eq(peer:last "echo".compressor, case[3])
		T.eq(peer:last("ismaster").compressor, nil, "hello is never compressed")
		client:disconnect()
		peer:stop()
	end
end)

T.test("without compressors nothing is offered and nothing compressed", function()
	local peer = mongo_peer.new(nil, { hello = knowing("snappy", "zlib", "zstd") })
	local client = mongo.client { host = peer.host, port = peer.port }
	client:runCommand "ping"
	T.eq(peer:last("ismaster").compression, nil)
	T.eq(peer:last("ping").compressor, nil)
	client:disconnect()
	peer:stop()
end)

T.test("log-ins are never compressed, even when they come later", function()
	local peer = mongo_peer.new(function(command)
		return command.ping and { "ok", 1 } or { "ok", 0, "errmsg", "no" }
	end, { hello = knowing "zlib" })
	local client = client_of(peer, { "zlib" })
	T.eq(client.db:auth("ada", "secret"), false)
	T.eq(peer:last("saslStart").compressor, nil)
	client:runCommand "ping"
	T.eq(peer:last("ping").compressor, "zlib")
	client:disconnect()
	peer:stop()
end)

T.test("commands that are not answered are compressed, too", function()
	local peer = mongo_peer.new(nil, { hello = knowing "snappy" })
	local client = client_of(peer, "snappy")
	client.db.coll:insert { text = TEXT }
	T.eventually(function() return peer:last "insert" end)
	T.eq(peer:last("insert").compressor, "snappy")
	client:disconnect()
	peer:stop()
end)

T.test("each new connection agrees again", function()
	local names = { "zstd" }
	local peer = mongo_peer.new(nil, { hello = function() return { "ismaster", true, "compression", names, "ok", 1 } end })
	local client = client_of(peer, "zstd,zlib")
	client:runCommand "ping"
	T.eq(peer:last("ping").compressor, "zstd")
	names = { "zlib" }
	peer:stop()
	peer:start()
	T.eventually(function() return (pcall(client.runCommand, client, "ping")) end)
	T.eq(peer:last("ping").compressor, "zlib")
	client:disconnect()
	peer:stop()
end)

T.test("a compressor that does not exist is refused by its name", function()
	T.raises("not a compressor: lzma", mongo.client, { host = "127.0.0.1", port = 1, compressors = "zstd,lzma" })
	T.raises("not a compressor: noop", mongo.client, "mongodb://127.0.0.1:1/?compressors=noop")
	T.raises("zlibCompressionLevel", mongo.client, "mongodb://127.0.0.1:1/?compressors=zlib&zlibCompressionLevel=ten")
end)

-- Bytes of a compressed reply to request `id`.
local function damaged(kind, id)
	local message = driver.op_msg(1, 0, bson.encode { ok = 1, text = TEXT })
	message = message:sub(1, 8) .. id .. message:sub(13)
	local good = compression.deflate(message, "zlib")
	local function with(at, bytes) return good:sub(1, at - 1) .. bytes .. good:sub(at + #bytes) end
	if kind == "size" then return with(21, "\255\255\255\127") end
	if kind == "mismatch" then return with(21, "\1\0\0\0") end
	if kind == "compressor" then return with(25, "\9") end
	if kind == "nested" then return with(17, "\220\7\0\0") end
	if kind == "cut" then
		local cut = good:sub(1, -20)
		return string.char(#cut % 256, math.floor(#cut / 256), 0, 0) .. cut:sub(5)
	end
	return with(40, ("\255"):rep(20))
end

T.test("a damaged compressed reply fails all who wait, and the next call connects again", function()
	for _, kind in ipairs { "size", "mismatch", "compressor", "nested", "cut", "bytes" } do
		local peer
		peer = mongo_peer.new(function(command, self)
			if command.wait then return nil end
			if command.bad then return damaged(kind, self.request) end
			return { "ok", 1 }
		end, { hello = knowing "zlib" })
		local client = client_of(peer, "zlib")
		local waiting
		skynet.fork(function() waiting = { pcall(client.runCommand, client, "wait") } end)
		T.eventually(function() return peer:last "wait" end)
		local ok, err = pcall(client.runCommand, client, "bad")
		T.eq(ok, false, kind)
		T.ok(tostring(err):find("a compressed message", 1, true), tostring(err))
		T.eventually(function() return waiting end)
		T.eq(waiting[1], false)
		T.eq(client:runCommand("ping").ok, 1)
		T.eq(peer.connections, 2)
		client:disconnect()
		peer:stop()
	end
end)

T.test("a compressed reply that nobody agreed on is refused", function()
	local peer = mongo_peer.new(function(command, self) return command.bad and damaged("none", self.request) or { "ok", 1 } end)
	local client = mongo.client { host = peer.host, port = peer.port }
	T.raises("an opcode other than OP_MSG", client.runCommand, client, "bad")
	client:disconnect()
	peer:stop()
end)

T.test("the module refuses what it cannot take, and gives back what is not compressed", function()
	local message = driver.op_msg(1, 0, bson.encode { ok = 1 })
	T.raises("shorter than the header", compression.deflate, "abc", "zlib")
	T.raises("not a compressor", compression.deflate, message, "noop")
	T.raises("a level", compression.deflate, message, "zlib", 10)
	T.eq(compression.inflate "abc", "abc")
	T.eq(compression.inflate(message:sub(5)), message:sub(5))
	for _, name in ipairs { "snappy", "zlib", "zstd" } do
		T.eq(compression.inflate(compression.deflate(message, name):sub(5)), message:sub(5))
	end
end)

T.run()
