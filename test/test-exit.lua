-- Three services that exit, two of them too slowly for the monitor. Started by etc/config.test-exit.
local skynet = require "skynet"
local service = require "service"

-- These run in services of their own, and can use nothing of this file.

local function test1()
	local skynet = require "skynet"
	local log = require "log"
	local service = require "service"
	service.atexit(function() log.info "in test1 exit2" end)
	service.atexit(function() log.info "in test1 exit1" end)
	skynet.timeout(100, function() service.exit() end)
end

-- Its first function takes longer than the second it is given: killed in begin_exit.
local function test2()
	local skynet = require "skynet"
	local log = require "log"
	local service = require "service"
	service.atexit(function() log.info "in test2 exit2" end)
	service.atexit(function()
		log.info "in test2 exit1"
		skynet.sleep(600)
		log.info "out test2 exit1"
	end)
	skynet.timeout(200, function() service.exit(0, 1, 5) end)
end

-- It wants to stay for 6 s after that, and is given one: killed in end_exit.
local function test3()
	local skynet = require "skynet"
	local log = require "log"
	local service = require "service"
	service.atexit(function() log.info "in test3 exit2" end)
	service.atexit(function() log.info "in test3 exit1" end)
	skynet.timeout(300, function() service.exit(6, 5, 1) end)
end

skynet.start(function()
	service.new("test1", test1)
	service.new("test2", test2)
	service.new("test3", test3)
	skynet.exit()
end)
