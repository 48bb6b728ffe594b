-- config: docstore = ":memory:"
-- config: docstore_listen = "0.0.0.0:" .. port
-- config: docstore_user = "player,=one"
-- config: docstore_password = "secret word"
-- Log-ins at the document store.
local skynet = require "skynet"
local mongo = require "skynet.db.mongo"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local OTHER = "127.0.0.2"

local function conf(user, password)
	return { host = OTHER, port = port, username = user, password = password, authmod = "scram_sha256" }
end

T.test("who knows the password may work", function()
	local client = mongo.client(conf("player,=one", "secret word"))
	T.eq(select(1, client.db.c:safe_insert { _id = 1 }), true)
	T.eq(client.db.c:findOne({})._id, 1)
	local status = client:runCommand "connectionStatus"
	T.eq(status.authInfo.authenticatedUsers[1].user, "player,=one")
	T.eq(client:logout(), true)
	T.raises("requires authentication", client.db.c.findOne, client.db.c, {})
	client:disconnect()
end)

T.test("a wrong password and an unknown user are refused alike", function()
	T.raises("Authentication failed", mongo.client, conf("player,=one", "secret words"))
	T.raises("Authentication failed", mongo.client, conf("nobody", "secret word"))
end)

T.test("without a log-in nothing is read or written", function()
	local client = mongo.client { host = OTHER, port = port }
	local reply = client:runCommand "listDatabases"
	T.eq(reply.code, 13)
	T.eq(reply.codeName, "Unauthorized")
	T.eq(reply.errmsg, "Command listDatabases requires authentication")
	T.eq(client:runCommand "ping".ok, 1)
	client:disconnect()
end)

T.test("services of the node itself need no log-in", function()
	local client = mongo.client { docstore = true }
	T.eq(client.db.c:findOne({})._id, 1)
	client:disconnect()
end)

T.run()
