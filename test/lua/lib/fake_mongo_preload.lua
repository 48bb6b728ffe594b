-- Puts a driver in the place of skynet.db.mongo that keeps its documents in the service fake_mongo.
local skynet = require "skynet"

local function ask(...)
	return skynet.call(".fake_mongo", "lua", ...)
end

local collection = {}
function collection:createIndex() return { ok = 1 } end
function collection:findOne(query) return ask("find", query) end
function collection:safe_insert(document) return ask("insert", document) end
function collection:findAndModify(command) return ask("modify", command.query, command.update) end

local database = { getCollection = function() return collection end }
local client = { getDB = function() return database end }

package.preload["skynet.db.mongo"] = function()
	return { client = function() return client end }
end
