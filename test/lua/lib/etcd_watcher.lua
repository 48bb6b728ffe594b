--- The start service of a node that watches a key of an etcd of its own, which sends nothing more after it has begun.
--- Prints "waiting", and then why the watch has ended. Config: listen, the etcd's port.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local etcd = require "etcd"
local other_node = require "other_node"

local ANSWER = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n{"result":{"created":true}}\n\r\n'

skynet.start(function()
	other_node.guard()
	socket.start((socket.listen("127.0.0.1", tonumber(skynet.getenv "listen"))), function(id)
		socket.start(id)
		socket.readline(id, "\r\n\r\n")
		socket.write(id, ANSWER)
	end)
	skynet.fork(function()
		local client = etcd.new { http_host = "http://127.0.0.1:" .. skynet.getenv "listen", dead_after = 3 }
		local watch = assert(client:watch "key")
		assert(watch())
		skynet.timeout(0, function() print "waiting" end)
		local _, err = watch()
		print("ended " .. tostring(err))
		skynet.abort()
	end)
end)
