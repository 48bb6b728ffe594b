-- config: lua_cpath = "./?.so;"..lua_cpath
-- Lua modules in C and C++ that pack and unpack messages by lua-seri.h.
local skynet = require "skynet"
local child = require "child"
local T = require "conform"

local FLAGS = "-Wextra -Werror"
if jit then
	local p = io.popen "pkg-config --cflags luajit"
	FLAGS = FLAGS .. " -DRUNTIME_LUAJIT " .. p:read "*l"
	p:close()
	os.execute "mkdir -p jit"
end

for name, compiler in pairs { serimod = "cc", serimodxx = "c++" } do
	T.test(name, function()
		child.compile((jit and "jit/" or "") .. name .. ".so", "serimod.c",
			FLAGS .. " -DNAME=" .. name .. (compiler == "c++" and " -x c++" or ""), compiler)
		local seri = require(name)
		local message, size = seri.pack(1, "two", { 3, x = { true } }, nil, 0.5)
		T.eq(skynet.tostring(message, size), skynet.packstring(1, "two", { 3, x = { true } }, nil, 0.5))
		T.eq({ n = select("#", seri.unpack(message, size)), seri.unpack(message, size) }, { 1, "two", { 3, x = { true } }, nil, 0.5, n = 5 })
		skynet.trash(message, size)
		T.eq({ seri.unpack(skynet.packstring("text", false)) }, { "text", false })
		T.eq(seri.sum(skynet.packstring(1, 2, 39)), 42)
		T.raises("Unsupport type function to serialize", seri.pack, print)
		T.raises("Invalid serialize stream", seri.unpack, "\255")
	end)
end

T.run()
