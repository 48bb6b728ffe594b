-- What the etcd client can do, with two watches at the end that stay. Needs an etcd whose authentication is on. Started by
-- etc/config.test-etcd.
local skynet = require "skynet"
local config = require "config"
local etcd = require "etcd"
local log = require "log"
local strings = require "util.string"
local tables = require "util.table"

local REOPEN = 100 -- 1/100 s until a watch that broke is opened again

local base_path = config.get "etcd_base_path"
local client

local function show(name, result, err)
	if result then
		log.info(name, "status:", result.status, tables.tostring(result.body))
	else
		log.error(name, "failed:", tostring(err))
	end
	return result
end

local function show_key(key)
	local result, err = client:get(key)
	if not result then return log.error("get failed:", tostring(err)) end
	local pair = result.body.kvs and result.body.kvs[1]
	log.info("key", key, "is", tables.tostring(pair and pair.value))
end

local function testsetget()
	show("set", client:set("hello", { message = "world" }))
	show_key "hello"
	show("delete", client:delete "hello")
	show_key "hello"
end

local function testsetx()
	show("setx, absent", client:setx("hello", { message = "setx" }))
	show_key "hello"
	client:set("hello", { message = "world" })
	show("setx, present", client:setx("hello", { message = "setx" }))
	show_key "hello"
	client:delete "hello"
end

local function testsetnx()
	show("setnx, absent", client:setnx("hello", { message = "setnx" }))
	show("setnx, present", client:setnx("hello", { message = "again" }))
	show_key "hello"
	client:delete "hello"
end

local function testgrant()
	local lease = show("grant", client:grant(2))
	if not lease then return end
	client:set("hello", { message = "leased" }, { lease = lease.body.ID })
	show_key "hello"
	skynet.sleep(300)
	show_key "hello"
end

local function testrevoke()
	local lease = show("grant", client:grant(60))
	if not lease then return end
	client:set("hello", { message = "leased" }, { lease = lease.body.ID })
	show_key "hello"
	show("revoke", client:revoke(lease.body.ID))
	show_key "hello"
end

local function testkeepalive()
	local lease = show("grant", client:grant(10))
	if not lease then return end
	client:set("hello", { message = "leased" }, { lease = lease.body.ID })
	skynet.sleep(500)
	show("keepalive", client:keepalive(lease.body.ID))
	show("timetolive", client:timetolive(lease.body.ID, true))
	skynet.sleep(800)
	show_key "hello" -- 13 s after a grant of 10 s
end

local function watch_forever(name, key)
	while true do
		local watch, err = client[name](client, key)
		while watch do
			local body
			body, err = watch()
			if not body then break end
			for _, event in ipairs(body.result.events or {}) do
				log.info(string.format("%s type:%s key:%s value:%s", name, event.type, event.kv.key, tables.tostring(event.kv.value)))
			end
		end
		log.warn(name, "ended, will be opened again.", tostring(err or ""))
		skynet.sleep(REOPEN)
	end
end

skynet.start(function()
	local err
	client, err = etcd.new {
		http_host = strings.split(config.get "etcd_hosts", ","),
		user = config.get "etcd_user",
		password = tostring(config.get "etcd_password"),
		key_prefix = base_path,
	}
	if not client then error(err) end
	skynet.fork(function()
		for _, section in ipairs {
			{ "testsetget", testsetget }, { "testsetx", testsetx }, { "testsetnx", testsetnx },
			{ "testgrant", testgrant }, { "testrevoke", testrevoke }, { "testkeepalive", testkeepalive },
		} do
			log.info("------------" .. section[1] .. " begin")
			section[2]()
			log.info("------------" .. section[1] .. " finished")
		end
		show("leases", client:leases())
		-- The prefix is put before this one too, so there is nothing in it.
		show("readdir", client:readdir(base_path))
		show("rmdir", client:rmdir(base_path))
		skynet.fork(watch_forever, "watchdir", "/foo")
		skynet.fork(watch_forever, "watch", "hello")
	end)
end)
