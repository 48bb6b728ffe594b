--- The other end of every scene of bench_main.lua.
local skynet = require "skynet"

local peer ---@type integer  whom `calls` and `flood` go to
local following, starter ---@type integer, integer  in a ring
local stamp ---@type integer  when the latest `stamp` came

local command = {}

function command.echo(value)
	skynet.ret(skynet.pack(value))
end

function command.sink()
	skynet.ignoreret()
end

function command.bind(address)
	peer = address
	skynet.ret()
end

function command.calls(count)
	for i = 1, count do skynet.call(peer, "lua", "echo", i) end
	skynet.ret()
end

function command.flood(count)
	for i = 1, count do skynet.send(peer, "lua", "sink", i) end
end

function command.next(address, home)
	following, starter = address, home
	skynet.ret()
end

function command.hop(left)
	if left > 0 then
		skynet.send(following, "lua", "hop", left - 1)
	else
		skynet.send(starter, "lua", "done")
	end
end

function command.spin(count)
	local sum = 0
	for i = 1, count do sum = sum + i % 7 end
	skynet.ret(skynet.pack(sum))
end

function command.stamp()
	stamp = skynet.hpc()
end

function command.stamped()
	skynet.ret(skynet.pack(stamp))
end

-- Reads some rows of a shared table.
function command.share(name, rows, reads)
	local data = require "skynet.sharetable".query(name)
	local sum = 0
	for i = 1, reads do sum = sum + data[(i * 7919) % rows + 1].id end
	skynet.ret(skynet.pack(sum))
end

function command.quit()
	skynet.exit()
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		command[name](...)
	end)
end)
