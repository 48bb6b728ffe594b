-- SCRAM-SHA-256 of skynet.db.mongo, how the method is agreed on, and servers that lie.
local mongo = require "skynet.db.mongo"
local mongo_peer = require "mongo_peer"
local T = require "harness"

local unpack = table.unpack or unpack

local function answering(sasl)
	return function(command)
		if command.saslStart or command.saslContinue then return sasl(command) end
		return { "ok", 1 }
	end
end

local function offering(...)
	local methods = { ... }
	return { hello = function(command)
		if command.saslSupportedMechs then return { "ismaster", true, "saslSupportedMechs", methods, "ok", 1 } end
		return { "ismaster", true, "ok", 1 }
	end }
end

local function conf(peer, password, authmod)
	return { host = peer.host, port = peer.port, username = "ada", password = password, authmod = authmod }
end

-- → the error of a log-in that is refused
local function refusal(peer, password)
	local ok, err = pcall(mongo.client, conf(peer, password or "secret", "scram_sha256"))
	T.eq(ok, false)
	peer:stop()
	return tostring(err)
end

local function liar(lie)
	return mongo_peer.new(answering(mongo_peer.scram_sha256("ada", "secret", lie)))
end

T.test("SCRAM-SHA-256 logs in, and again after every connect", function()
	local peer = mongo_peer.new(answering(mongo_peer.scram_sha256("ada", "secret")))
	local client = mongo.client(conf(peer, "secret", "scram_sha256"))
	T.eq(peer:last "saslStart".mechanism, "SCRAM-SHA-256")
	T.eq(peer:count "saslContinue", 2)
	peer:stop()
	peer:start()
	T.eventually(function() return (pcall(client.runCommand, client, "ping")) end)
	T.eq(peer:count "saslStart", 2)
	client:disconnect()
	peer:stop()
end)

T.test("a wrong password is refused, and the error names server, user and cause", function()
	local peer = mongo_peer.new(answering(mongo_peer.scram_sha256("ada", "secret")))
	T.eq(refusal(peer, "other"), "mongo " .. peer:name() .. ": log-in of ada at admin failed: Authentication failed.")
end)

T.test("a password beyond ASCII is brought into the form that SASLprep gives", function()
	local peer = mongo_peer.new(answering(mongo_peer.scram_sha256("ada", "IX a")))
	-- ROMAN NUMERAL NINE, SOFT HYPHEN, NO-BREAK SPACE
	mongo.client(conf(peer, "\226\133\168\194\173\194\160a", "scram_sha256")):disconnect()
	peer:stop()
end)

T.test("a password that SASLprep forbids is refused, without being told in the error", function()
	for _, password in ipairs { "a\7b", "a\0b", "\255\254bytes", "\216\167\49" } do
		local peer = mongo_peer.new(answering(mongo_peer.scram_sha256("ada", "secret")))
		local err = refusal(peer, password)
		T.ok(err:find("a password ", 1, true), err)
		T.ok(not err:find(password, 1, true), err)
		T.eq(peer:count "saslStart", 0)
	end
end)

T.test("a connection string takes the best method that the server offers", function()
	for _, case in ipairs { { "SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-256" }, { "SCRAM-SHA-1", "SCRAM-SHA-1" }, { "SCRAM-SHA-1" } } do
		local peer = mongo_peer.new(function(command)
			return { "ok", 0, "errmsg", "this one only looks at " .. tostring(command.mechanism) }
		end, offering(unpack(case, 2)))
		local ok, err = pcall(mongo.client, "mongodb://ada:secret@" .. peer:name() .. "/users")
		T.eq(ok, false)
		T.ok(err:find("looks at " .. case[1], 1, true), err)
		T.eq(peer:last "saslSupportedMechs".saslSupportedMechs, "users.ada")
		peer:stop()
	end
end)

T.test("without an authmod, a server that refuses SCRAM-SHA-1 and offers SCRAM-SHA-256 gets that", function()
	local peer = mongo_peer.new(answering(mongo_peer.scram_sha256("ada", "secret")), offering "SCRAM-SHA-256")
	local client = mongo.client(conf(peer, "secret"))
	T.eq(peer.commands[1].mechanism, "SCRAM-SHA-1")
	T.eq(peer:last "saslStart".mechanism, "SCRAM-SHA-256")
	T.eq(client:runCommand("ping").ok, 1)
	client:disconnect()
	peer:stop()
end)

T.test("numbers of rounds that are too few or too many are refused before anything is computed", function()
	for _, rounds in ipairs { "0", "1", "4095", "1000001", "99999999999999999999", "1" .. ("0"):rep(400) } do
		local peer = liar { rounds = rounds }
		local err = refusal(peer)
		T.ok(err:find("the server asks for %S+ rounds: 4096 to 1000000 are allowed"), err)
		T.eq(peer:count "saslContinue", 0)
	end
end)

T.test("a challenge that is none is refused", function()
	for _, challenge in ipairs { "", "nonsense", "r=,s=,i=", "r=abc,s=c2FsdA==,i=-1", "r=abc,s=c2FsdA==,i=x", "m=ext,r=a,s=b,i=4096" } do
		local peer = liar { challenge = challenge }
		T.ok(refusal(peer):find("a malformed challenge", 1, true), challenge)
		T.eq(peer:count "saslContinue", 0)
	end
end)

T.test("a nonce that does not continue ours, or adds nothing to it, is refused", function()
	for _, nonce in ipairs { function() return "other" end, function(n) return n end, function(n) return n:sub(2) .. "xx" end } do
		local peer = liar { nonce = nonce }
		T.ok(refusal(peer):find("the server invented a nonce", 1, true))
		T.eq(peer:count "saslContinue", 0)
	end
end)

T.test("a server that does not know the password cannot pass for one that does", function()
	T.ok(refusal(liar { signature = ("x"):rep(32) }):find("the server's signature is wrong", 1, true))
	T.ok(refusal(liar { final = "" }):find("the server's signature is wrong", 1, true))
	T.ok(refusal(liar { final = "v=" }):find("the server's signature is wrong", 1, true))
	T.ok(refusal(liar { final = "e=unknown-user" }):find("the server says: unknown-user", 1, true))
end)

T.test("a server that claims success at once, without a proof, is refused", function()
	local peer = mongo_peer.new(function(command)
		if command.saslStart then return { "conversationId", 1, "done", true, "payload", "", "ok", 1 } end
		return { "ok", 1 }
	end)
	T.ok(refusal(peer):find("a malformed challenge", 1, true))
end)

T.test("payloads of another type are a malformed challenge", function()
	for _, payload in ipairs { 5, true, { "r" } } do
		local peer = mongo_peer.new(function() return { "conversationId", 1, "done", false, "payload", payload, "ok", 1 } end)
		T.ok(refusal(peer):find("a malformed challenge", 1, true))
	end
end)

T.test("a server that asks for ever more rounds of messages is left after one", function()
	local peer = liar { endless = true }
	T.ok(refusal(peer):find("the server does not end the log-in", 1, true))
	T.eq(peer:count "saslContinue", 2)
end)

T.test("an authmod that is not known is refused before a connection is made", function()
	local peer = mongo_peer.new()
	T.raises("Invalid authmod: plain", mongo.client, conf(peer, "x", "plain"))
	T.eq(peer.connections, 0)
	peer:stop()
end)

T.run()
