-- A service that asks for no messages: it never calls skynet.start. It listens all the same, gets datagrams, and connects.
local driver = require "skynet.socketdriver"

local port, peer_port = ...
driver.start(driver.listen("127.0.0.1", tonumber(port)))
driver.udp("127.0.0.1", tonumber(port))
driver.connect("127.0.0.1", tonumber(peer_port))
