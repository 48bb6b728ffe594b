--- bulkWrite of skynet.db.mongo: one command for many collections (MongoDB 8).
local bson = require "bson"
local command = require "skynet.db.mongo_command"

local encode_order = bson.encode_order
local unpack = table.unpack or unpack

local bulk_op = {}

function bulk_op.insert(op, ns) return encode_order("insert", ns, "document", op.insert) end

local function pairs_of(list, op, keys)
	for _, key in ipairs(keys) do
		if op[key] ~= nil then
			list[#list + 1] = key
			list[#list + 1] = op[key]
		end
	end
	return encode_order(unpack(list))
end

function bulk_op.update(op, ns)
	return pairs_of({ "update", ns, "filter", op.filter, "updateMods", op.update, "multi", op.multi or false, "upsert",
		op.upsert or false }, op, { "hit", "constants", "collation" })
end

function bulk_op.delete(op, ns)
	return pairs_of({ "delete", ns, "filter", op.filter, "multi", op.multi or false }, op, { "hit", "collation" })
end

--- client:bulkWrite
---@async
---@return boolean ok, string? err, table reply, integer[]? failed
return function(client, ops, comment, ordered, verify, errors_only)
	local names, place, list = {}, {}, {}
	for i, op in ipairs(ops) do
		local ns = op.collection
		local make = bulk_op[op.op] or error("bulkWrite: an unknown op: " .. tostring(op.op))
		if type(ns) ~= "string" then error("bulkWrite: operation " .. i .. " names no collection") end
		if not place[ns] then
			names[#names + 1] = { ns = ns }
			place[ns] = #names - 1
		end
		list[i] = make(op, place[ns])
	end
	local args = { "ops", list, "nsInfo", names }
	local function add(key, value)
		if value ~= nil then args[#args + 1], args[#args + 2] = key, value end
	end
	add("ordered", ordered)
	if verify == false then add("bypassDocumentValidation", true) end
	add("comment", comment)
	add("errorsOnly", errors_only)
	local reply = client:runCommand("bulkWrite", 1, unpack(args))
	local ok, err = command.verdict(reply)
	local failed
	for i, one in ipairs(reply.cursor and reply.cursor.firstBatch or {}) do
		if one.ok ~= 1 then
			failed = failed or {}
			failed[#failed + 1] = i
			ok, err = false, err or one.errmsg
		end
	end
	return ok, err, reply, failed
end
