-- Calls itself through C until that is an error. Helper of recursion_test.
local skynet = require "skynet"
local skynet_coroutine = require "skynet.coroutine"

local ways = {}

function ways.gsub()
	local function f() return (("x"):gsub("x", f)) end
	return f()
end

function ways.sort()
	local function f()
		table.sort({ 3, 2, 1 }, function(a, b)
			f()
			return a < b
		end)
	end
	f()
end

function ways.load()
	local function f()
		load(function() f() end)
		return nil
	end
	f()
	error "C stack overflow (load keeps the error of its reader)"
end

ways["coroutine.wrap"] = function()
	local function f() return coroutine.wrap(f)() end
	return f()
end

ways["coroutine.resume"] = function()
	local function f() assert(coroutine.resume(coroutine.create(f))) end
	return f()
end

ways["skynet.coroutine"] = function()
	local function f() return skynet_coroutine.wrap(f)() end
	return f()
end

ways["pack in __pairs"] = function()
	local t = setmetatable({}, {})
	getmetatable(t).__pairs = function()
		skynet.packstring(t)
		return next, {}, nil
	end
	skynet.packstring(t)
end

ways["string.format in __tostring"] = function()
	local t = setmetatable({}, {})
	getmetatable(t).__tostring = function() return string.format("%s", t) end
	return tostring(t)
end

ways["print in __tostring"] = function()
	local t = setmetatable({}, {})
	getmetatable(t).__tostring = function()
		print(t)
		return ""
	end
	return tostring(t)
end

ways["gsub in coroutines"] = function()
	local function f()
		return (("x"):gsub("x", function() return coroutine.wrap(f)() end))
	end
	return f()
end

ways["half a stack in each coroutine"] = function()
	local function down(n, f)
		if n == 0 then return f() end
		return (("x"):gsub("x", function() return down(n - 1, f) end))
	end
	local function f() return down(50, function() return coroutine.wrap(f)() end) end
	return f()
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, way, depth)
		if way == "nest" then
			local function f(n) return n == 0 and 0 or 1 + coroutine.wrap(f)(n - 1) end
			local function g(n) return n == 0 and 0 or 1 + tonumber((("x"):gsub("x", function() return g(n - 1) end))) end
			return skynet.retpack(f(depth), g(depth))
		end
		local ok, err = pcall(ways[way])
		skynet.retpack(ok, tostring(err))
	end)
end)
