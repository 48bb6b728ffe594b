-- A service on a scheduler that is not skynet's. Its argument "fail" makes its start fail.
local own = require "own_scheduler"
local core = require "skynet.core"
local profile = require "skynet.profile"

local unpack = table.unpack or unpack

local LUA = 10
local arguments = { ... }
local CMD = {}

function CMD.echo(...) own.ret(...) end
function CMD.arguments() own.ret(unpack(arguments)) end
function CMD.fail() error "expected" end
function CMD.call(...) own.ret(own.call(...)) end
function CMD.try(...) own.ret((pcall(own.call, ...))) end
function CMD.self() own.ret(own.self(), core.command("QUERY", ".own"), core.harbor(own.self())) end
function CMD.exit() own.exit() end

function CMD.sleep(ticks)
	own.sleep(ticks)
	own.ret "slept"
end

function CMD.order()
	local log, me = {}, coroutine.running()
	local function note(text) log[#log + 1] = text end
	local co = own.fork(function(a, b, c)
		note("fork " .. tostring(a) .. tostring(b) .. tostring(c))
		local how = own.sleep(500)
		note(tostring(how))
		own.wakeup(me)
	end, 1, nil, 3)
	own.timeout(1, function()
		note "timer"
		own.wakeup(co)
	end)
	note "creator"
	own.sleep(500)
	own.ret(table.concat(log, ", "))
end

-- The next request is answered by a callback that stays for one message.
function CMD.replace()
	core.callback(function(ptype, msg, sz, session, source)
		core.callback(own.dispatch)
		core.send(source, 1, session, core.pack(ptype, core.tostring(msg, sz)))
	end)
	own.ret()
end

function CMD.profile(seconds)
	profile.start()
	local start = os.clock()
	while os.clock() - start < seconds do end
	own.sleep(10)
	own.ret(profile.stop())
end

own.start(function()
	if arguments[1] == "fail" then error "expected" end
	own.handle(LUA, function(_, _, name, ...) CMD[name](...) end)
	core.command("REG", ".own")
end)
