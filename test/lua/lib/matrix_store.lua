-- Keeps shared tables as matrices, in skynet's manner: others get their addresses in messages.
local skynet = require "skynet"
local core = require "skynet.sharetable.core"

local matrices = {}

local function put(name, matrix)
	local old = matrices[name]
	matrices[name] = matrix
	if old then old:close() end
end

local command = {
	load = function(name, source, ...) put(name, core.matrix(source, ...)) end,
	-- A packed table: unpacked by the code that makes the matrix.
	table = function(name, pointer, size)
		local ok, err = pcall(function()
			put(name, core.matrix("local unpack, pointer, size = ... return unpack(pointer, size)", skynet.unpack, pointer, size))
		end)
		skynet.trash(pointer, size)
		if not ok then error(err) end
	end,
	query = function(name) return matrices[name] and matrices[name]:getptr() end,
	size = function(name) return matrices[name]:size() end,
	close = function(name) matrices[name]:close() end,
}

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...) skynet.ret(skynet.pack(command[name](...))) end)
end)
