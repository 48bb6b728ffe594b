--- Scripted MongoDB servers for the tests of skynet.db.mongo.
local skynet = require "skynet"
local socket = require "skynet.socket"
local driver = require "skynet.mongo.driver"
local compression = require "skynet.mongo.compression"
local crypt = require "skynet.crypt"
local bson = require "bson"
local net = require "net"

local unpack = table.unpack or unpack

local peer = {}
peer.__index = peer

local COMPRESSORS = { [0] = "noop", "snappy", "zlib", "zstd" }
local MORE_TO_COME = "\2"

-- One request → the command, its id, whether an answer is wanted, the name of its compressor
local function read_request(read)
	local head = read(4)
	local rest = head and read(driver.length(head))
	if not rest then return nil end
	local packed = compression.inflate(rest)
	local compressor = packed ~= rest and COMPRESSORS[rest:byte(21)] or nil
	local _, _, pointer = driver.reply(packed)
	return bson.decode(pointer), packed:sub(1, 4), packed:sub(13, 13) ~= MORE_TO_COME, compressor
end

-- The bytes of a reply to a request.
local function reply_bytes(id, pairs_of, compressor)
	local message = driver.op_msg(1, 0, bson.encode_order(unpack(pairs_of, 1, pairs_of.n)))
	message = message:sub(1, 8) .. id .. message:sub(13)
	return compressor and compression.deflate(message, compressor) or message
end

local function serve(self, id)
	self.connections = self.connections + 1
	self.last_id = id
	local read, write = self.secure(id)
	while read do
		local ok, command, request, answered, compressor = pcall(read_request, read)
		if not ok or not command then return end
		self.commands[#self.commands + 1] = command
		self.request = request
		command.compressor = compressor
		local answer
		if command.ismaster then
			answer = self.hello(command, self)
		else
			answer = self.answer(command, self)
		end
		if answer == false then return end
		if type(answer) == "table" then answer = reply_bytes(request, answer, compressor) end
		if answer and answered then write(answer) end
	end
end

--- answer(command, peer) gives the pairs of a reply; false: the connection is closed; a string: these bytes; nil:
--- nothing is sent. options.hello answers `ismaster`; options.secure(id) gives read and write;
--- options.host is where it listens.
---@return table peer  host, port, commands, connections, last_id (the last one's socket), stop()
function peer.new(answer, options)
	options = options or {}
	local self = setmetatable({
		host = options.host or net.host,
		commands = {},
		connections = 0,
		open = {},
		answer = answer or function() return { "ok", 1 } end,
		hello = options.hello or function() return { "ismaster", true, "ok", 1 } end,
		secure = options.secure or function(id)
			return function(n) return socket.read(id, n) end, function(bytes) socket.write(id, bytes) end
		end,
	}, peer)
	self:start(options.port or 0)
	return self
end

--- Listens, after stop() at the port from before.
function peer:start(port)
	local listener, _, bound = socket.listen(self.host, port or self.port)
	self.listener, self.port = listener, bound
	socket.start(listener, function(id)
		assert(socket.start(id))
		self.open[id] = true
		serve(self, id)
		self.open[id] = nil
		socket.close(id)
	end)
end

--- Listens no more, and closes every connection.
function peer:stop()
	if not self.listener then return end
	socket.close(self.listener)
	self.listener = nil
	for id in pairs(self.open) do socket.close(id) end
end

function peer:name()
	return self.host .. ":" .. self.port
end

--- How many of the commands that came have this name.
function peer:count(name)
	local n = 0
	for _, command in ipairs(self.commands) do
		if command[name] ~= nil then n = n + 1 end
	end
	return n
end

--- The last one of this name.
function peer:last(name)
	for i = #self.commands, 1, -1 do
		if self.commands[i][name] ~= nil then return self.commands[i] end
	end
end

--- An answer to saslStart and saslContinue: SCRAM-SHA-256 of one user. `lie` may replace steps of it:
--- nonce(nonce), rounds, salt, signature, final, endless, and challenge, all of the first answer.
function peer.scram_sha256(user, password, lie)
	lie = lie or {}
	local salt, rounds = "0123456789abcdefghijklmnopq", lie.rounds or 4096
	local first_bare, server_first
	local steps = 0
	local function continue(text, done)
		return { "conversationId", 7, "done", done, "payload", crypt.base64encode(text), "ok", 1 }
	end
	return function(command)
		local text = crypt.base64decode(command.payload)
		steps = steps + 1
		if command.saslStart then
			if command.mechanism ~= "SCRAM-SHA-256" then
				return { "ok", 0, "code", 334, "errmsg", "no such mechanism: " .. command.mechanism }
			end
			first_bare = text:sub(4)
			local nonce = first_bare:match "r=(.*)$"
			server_first = string.format("r=%s,s=%s,i=%s", lie.nonce and lie.nonce(nonce) or nonce .. "more", crypt.base64encode(salt),
				tostring(rounds))
			return continue(lie.challenge or server_first, false)
		end
		if text == "" then return continue("", not lie.endless) end
		local without, proof = text:match "^(.*),p=(.*)$"
		local salted = crypt.pbkdf2_sha256(password, salt, math.min(tonumber(rounds), 100000))
		local client_key = crypt.hmac_sha256(salted, "Client Key")
		local message = first_bare .. "," .. server_first .. "," .. without
		local expected = crypt.xor_str(client_key, crypt.hmac_sha256(crypt.sha256(client_key), message))
		if first_bare:match "^n=([^,]*)," ~= user or crypt.base64decode(proof) ~= expected then
			return { "ok", 0, "code", 18, "errmsg", "Authentication failed." }
		end
		local signature = crypt.hmac_sha256(crypt.hmac_sha256(salted, "Server Key"), message)
		return continue(lie.final or "v=" .. crypt.base64encode(lie.signature or signature), false)
	end
end

return peer
