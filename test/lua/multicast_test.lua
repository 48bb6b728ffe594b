-- Multicast within one node: published messages that are no messages, subscribers that end.
local skynet = require "skynet"
local core = require "skynet.multicast.core"
local multicast = require "skynet.multicast"
local T = require "harness"

local role = ...
if role == "subscriber" then
	local channel
	local got = {}
	skynet.start(function()
		skynet.dispatch("lua", function(_, _, what, value, kind)
			if what == "subscribe" then
				channel = multicast.new {
					channel = value,
					unpack = kind == "text" and skynet.tostring or nil,
					dispatch = function(_, source, ...)
						if kind == "exit" then
							while skynet.mqlen() == 0 do end -- there is one more behind it
							skynet.exit()
						end
						if (...) == "raise" then error "raised on purpose" end
						got[#got + 1] = { source, ... }
					end,
				}
				channel:subscribe()
				return skynet.ret()
			end
			if what == "unsubscribe" then
				channel:unsubscribe()
				return skynet.ret()
			end
			skynet.retpack(got)
		end)
	end)
	return
end

local function subscriber(number, kind)
	local service = skynet.newservice("multicast_test", "subscriber")
	skynet.call(service, "lua", "subscribe", number, kind)
	return service
end

local function got(service, count)
	local list
	T.eventually(function()
		list = skynet.call(service, "lua", "got")
		return #list >= count
	end)
	return list
end

T.test("all values arrive in order, with their source, also where something else unpacks", function()
	local channel = multicast.new()
	local plain, text = subscriber(channel.channel), subscriber(channel.channel, "text")
	for i = 1, 200 do channel:publish(i, nil, { i }) end
	local list, texts = got(plain, 200), got(text, 200)
	for i = 1, 200 do
		T.eq(list[i], { skynet.self(), i, nil, { i } })
		T.eq(texts[i], { skynet.self(), skynet.packstring(i, nil, { i }) })
	end
end)

T.test("a handler that raises, or bytes that cannot be unpacked, cost one message", function()
	local channel = multicast.new()
	local services = { subscriber(channel.channel), subscriber(channel.channel) }
	channel:publish "raise"
	local broken = multicast.new {
		channel = channel.channel,
		pack = function()
			local message, size = skynet.pack(("x"):rep(100))
			return message, size - 1
		end,
	}
	broken:publish()
	channel:publish "last"
	for _, service in ipairs(services) do T.eq(got(service, 1), { { skynet.self(), "last" } }) end
end)

T.test("who has unsubscribed gets nothing more", function()
	local channel = multicast.new()
	local one, other = subscriber(channel.channel), subscriber(channel.channel)
	channel:publish(1)
	got(one, 1)
	skynet.call(one, "lua", "unsubscribe")
	channel:publish(2)
	T.eq(got(other, 2), { { skynet.self(), 1 }, { skynet.self(), 2 } })
	T.eq(got(one, 1), { { skynet.self(), 1 } })
end)

T.test("a subscriber that ends with messages in its mailbox fails no call of the publisher", function()
	local channel
	repeat channel = multicast.new() until channel.channel > skynet.genid() + 300
	local service = subscriber(channel.channel, "exit")
	local answer
	skynet.dispatch("lua", function() answer = skynet.response() end)
	local ok, result
	skynet.fork(function()
		-- A call whose session is the channel's number: who refuses a message says which session it had.
		while skynet.genid() < channel.channel - 1 do end
		ok, result = pcall(skynet.call, skynet.self(), "lua")
	end)
	T.eventually(function() return answer end)
	local multicastd = skynet.uniqueservice "multicastd"
	for i = 1, 2 do skynet.send(multicastd, "lua", "PUB", channel.channel, core.pack(skynet.pack(i))) end
	T.eventually(function() return not skynet.call(".launcher", "lua", "LIST")[skynet.address(service)] end)
	channel:publish "to nobody"
	skynet.sleep(5)
	T.eq(ok, nil, result)
	answer(true, "answered")
	T.eventually(function() return ok ~= nil end)
	T.eq({ ok, result }, { true, "answered" })
end)

T.run()
