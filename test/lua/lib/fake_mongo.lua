-- The documents of fake_mongo_preload. Further commands: saves() -> number of modify commands; fail(n): the next n fail.
local skynet = require "skynet"
require "skynet.manager"

local documents, saves, failures = {}, 0, 0

local function matches(document, query)
	for k, v in pairs(query) do
		if document[k] ~= v then return false end
	end
	return true
end

local CMD = {}

function CMD.find(query)
	for _, document in ipairs(documents) do
		if matches(document, query) then return document end
	end
end

function CMD.insert(document)
	documents[#documents + 1] = document
	return true
end

function CMD.modify(query, update)
	saves = saves + 1
	if failures > 0 then
		failures = failures - 1
		return { ok = 0, errmsg = "told to fail" }
	end
	for k, v in pairs(update["$set"]) do
		CMD.find(query)[k] = v
	end
	return { ok = 1 }
end

function CMD.saves() return saves end

function CMD.fail(n) failures = n end

skynet.start(function()
	skynet.register ".fake_mongo"
	skynet.dispatch("lua", function(_, _, cmd, ...)
		skynet.ret(skynet.pack(CMD[cmd](...)))
	end)
end)
