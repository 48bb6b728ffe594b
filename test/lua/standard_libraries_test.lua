-- Standard libraries that are empty until they are looked at. Each look below is the first one of a service of its own.
local skynet = require "skynet"
local service = require "skynet.service"
local T = require "harness"

local LIBRARIES = { "io", "os", "math", "debug", jit and "bit" or "utf8" }
local SAMPLE = { io = "open", os = "time", math = "floor", debug = "traceback", bit = "band", utf8 = "char" }

local function count(list)
	local n = 0
	for name, value in pairs(list) do
		assert(type(name) == "string" and value ~= nil)
		n = n + 1
	end
	return n
end

-- Runs the source in a service that has looked at nothing yet: a chunk that is given a library's name.
local number = 0
local function fresh(source, ...)
	number = number + 1
	local handle = service.new("fresh" .. number, function(...)
		local skynet = require "skynet"
		skynet.dispatch("lua", function(_, _, text, ...)
			skynet.retpack(assert((loadstring or load)(text))(...))
		end)
	end)
	return skynet.call(handle, "lua", source, ...)
end

T.test("indexing", function()
	for _, name in ipairs(LIBRARIES) do
		T.eq(fresh("local name, sample = ... return type(_G[name][sample])", name, SAMPLE[name]), "function")
		T.eq(fresh("local name, sample = ... return type(require(name)[sample])", name, SAMPLE[name]), "function")
		T.eq(fresh("return _G[...].nothing", name), nil)
	end
	T.ok(math.abs(fresh "return math.pi" - 3.14159) < 0.001)
end)

T.test("pairs and next", function()
	for _, name in ipairs(LIBRARIES) do
		local there = count(_G[name])
		T.ok(there > 5, name)
		T.eq(fresh("local n = 0 for k in pairs(_G[...]) do n = n + 1 end return n", name), there)
		T.eq(fresh("local n = 0 for k in next, _G[...] do n = n + 1 end return n", name), there)
		T.eq(fresh("return next(_G[...]) ~= nil", name), true)
	end
end)

T.test("what a program puts there stays", function()
	for _, name in ipairs(LIBRARIES) do
		local source = [[
			local name, sample = ...
			local library = _G[name]
			library[sample] = "mine"
			library.more = 1
			local n = 0
			for k in pairs(library) do n = n + 1 end
			return library[sample], library.more, n
		]]
		T.eq({ fresh(source, name, SAMPLE[name]) }, { "mine", 1, count(_G[name]) + 1 })
	end
end)

T.test("setmetatable", function()
	if jit then return end
	for _, name in ipairs(LIBRARIES) do
		T.eq({ fresh([[
			local name, sample = ...
			local library = setmetatable(_G[name], { __index = function() return "nothing" end })
			return type(library[sample]), library.no_such_function
		]], name, SAMPLE[name]) }, { "function", "nothing" })
	end
end)

T.test("it is one table, whoever has it", function()
	for _, name in ipairs(LIBRARIES) do
		T.eq(fresh([[
			local name, sample = ...
			local before = package.loaded[name]
			local f = before[sample]
			return _G[name] == before and require(name) == before and _G[name][sample] == f
		]], name, SAMPLE[name]), true)
	end
end)

T.test("files have their methods", function()
	T.eq(fresh [[
		local file = io.tmpfile()
		file:write "text"
		file:seek "set"
		return io.type(file), file:read "*a"
	]], "file", "text")
end)

T.run()
