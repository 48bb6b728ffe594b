-- snax: files that are wrong, hotfixes with helpers, failing ends.
local skynet = require "skynet"
local snax = require "skynet.snax"
local T = require "harness"

local obj

T.test("files that are no snax service say why", function()
	T.raises("duplicate definition of response.a", snax.newservice, "snax_twice")
	T.raises("snax_syntax.lua:1:", snax.newservice, "snax_syntax")
	T.raises("no snax service absent", snax.newservice, "absent")
end)

T.test("globals of the file are the service's", function()
	obj = snax.newservice "snax_fix"
	T.eq(obj.req.global(), "from init")
end)

T.test("a hotfix may bring helpers; they work on the running variables", function()
	obj.post.add(2)
	snax.hotfix(obj, [[
		local count, log
		local function add(n)
			count = count + 10 * n
			log[#log + 1] = n
		end
		function accept.add(n) add(n) end
	]])
	obj.post.add(3)
	T.eq(obj.req.count(), 32)
	T.eq(obj.req.log(), { 3 })
end)

T.test("a hotfix that fails half way changes no method", function()
	T.raises("Patch mismatch accept.sub", snax.hotfix, obj, [[
		function response.count() return "patched" end
		function accept.sub() end
	]])
	T.raises("expected patch error", snax.hotfix, obj, 'function response.count() end error "expected patch error"')
	T.raises("must be function", snax.hotfix, obj, "response.count = 5")
	T.eq(obj.req.count(), 32)
	T.raises("expected hotfix error", snax.hotfix, obj, 'function hotfix() error "expected hotfix error" end')
end)

T.test("the methods of a running service cannot be reached by id tricks", function()
	T.raises("call failed", skynet.call, obj.handle, "snax", 99)
	T.raises("call failed", skynet.call, obj.handle, "snax", "text")
	T.raises("call failed", skynet.call, obj.handle, "snax", snax.interface "snax_fix".system.init)
end)

T.test("an exit function that fails ends the service all the same", function()
	local seen
	skynet.dispatch("lua", function(_, _, ...) seen = { ... } end)
	snax.kill(obj, skynet.self())
	T.eventually(function() return seen end)
	T.eq(seen, { "exit", 32 })
	T.eventually(function() return not pcall(obj.req.count) end)
end)

T.test("two who end a service at once both wait for its end; exit runs once", function()
	local leaving = snax.newservice "snax_leaving"
	local exits, ended = 0, 0
	skynet.dispatch("lua", function() exits = exits + 1 end)
	for _ = 1, 3 do
		skynet.fork(function()
			snax.kill(leaving, skynet.self())
			ended = ended + 1
		end)
	end
	T.eventually(function() return exits > 0 end)
	T.eq(ended, 0)
	T.eventually(function() return ended == 3 end)
	T.eq(exits, 1)
	T.raises(nil, snax.kill, leaving, skynet.self())
	T.eq(exits, 1)
end)

T.test("when the exit is killed nobody waits for it, and the service can be ended once more", function()
	local leaving = snax.newservice "snax_leaving"
	local exits, failed = 0, 0
	skynet.dispatch("lua", function() exits = exits + 1 end)
	for _ = 1, 2 do
		skynet.fork(function()
			if not pcall(snax.kill, leaving, skynet.self()) then failed = failed + 1 end
		end)
	end
	T.eventually(function() return exits > 0 end)
	T.eq(leaving.req.kill_exit(), true)
	T.eventually(function() return failed == 2 end)
	snax.kill(leaving, skynet.self())
	T.eq(exits, 2)
end)

T.test("the debug command EXIT runs the exit function", function()
	local other = snax.newservice "snax_fix"
	skynet.send(other.handle, "debug", "EXIT")
	T.eventually(function() return not pcall(other.req.count) end)
end)

T.test("a service that ends fails the requests it has not answered", function()
	T.raises(nil, snax.kill, obj)
	T.raises(nil, snax.hotfix, obj, "")
end)

T.run()
