-- Tells what is in the store, then writes until it is killed. Told in the file `run` beside this one.
--
-- Each writer inserts documents 1, 2, ... of its own, in commands of one to three, and counts them in a document that
-- it updates; ACK tells how far both have been acknowledged.
local skynet = require "skynet"
local mongo = require "skynet.db.mongo"

local WRITERS = 8
local PAD = string.rep("0123456789", 40)

local client, documents, counters

local function document(writer, n)
	return { _id = writer * 1000000 + n, writer = writer, n = n, tags = { n, n + 1 }, pad = PAD .. n }
end

local function check_one(one, writer, n)
	assert(one.n == n, string.format("writer %d: %s comes where %d should", writer, tostring(one.n), n))
	assert(one.pad == PAD .. n and #one.tags == 2, string.format("writer %d: document %d is not whole", writer, n))
end

-- All documents of a writer, by way of the index; the last of them.
local function check(writer)
	local cursor, last = documents:find { writer = writer }:sort({ writer = 1 }, { n = 1 }), 0
	while cursor:hasNext() do
		last = last + 1
		check_one(cursor:next(), writer, last)
	end
	if last > 0 then
		local by_tag = documents:find { writer = writer, tags = last + 1 }
		assert(by_tag:hasNext(), "the index of the tags has lost the last document")
	end
	local counter = counters:findOne { _id = writer }
	return last, counter and counter.n or 0
end

local function say(...)
	io.stdout:write(string.format(...) .. "\n")
	io.stdout:flush()
end

local function write(writer, last, counted)
	while true do
		local batch = {}
		for i = 1, last % 3 + 1 do batch[i] = document(writer, last + i) end
		local ok, err = documents:safe_batch_insert(batch)
		assert(ok, err)
		last = last + last % 3 + 1
		ok, err = counters:safe_update({ _id = writer }, { ["$set"] = { n = last } }, true)
		assert(ok, err)
		counted = last
		say("ACK %d %d %d", writer, last, counted)
	end
end

skynet.start(function()
	client = mongo.client { docstore = true }
	documents, counters = client.kill.documents, client.kill.counters
	documents:createIndex { { writer = 1 }, { n = 1 }, unique = true }
	documents:createIndex { { tags = 1 } }
	local total, begin = 0, {}
	for writer = 1, WRITERS do
		local last, counter = check(writer)
		total = total + last
		begin[writer] = { last, counter }
		say("FOUND %d %d %d", writer, last, counter)
	end
	local count = client.kill:runCommand("count", "documents").n
	assert(count == total, "the documents are " .. count .. ", those by the index " .. total)
	assert(client.kill:runCommand("validate", "documents").valid, "the file is not whole")
	say "READY"
	for writer = 1, WRITERS do skynet.fork(write, writer, begin[writer][1], begin[writer][2]) end
end)
