-- lualib/compat10: the top-level names that modules had before skynet 1.0.
local T = require "harness"

local LUALIB = package.searchpath("skynet", package.path):match "^(.*)skynet%.lua$"
package.path = LUALIB .. "compat10/?.lua;" .. package.path

local IN_DB = { mongo = true, mysql = true, redis = true }

local function names()
	local list = {}
	local files = assert(io.popen("ls " .. LUALIB .. "compat10"))
	for file in files:lines() do list[#list + 1] = file:match "^(.*)%.lua$" end
	files:close()
	return list
end

T.test("each old name is the module itself", function()
	require "skynet.datasheet.builder" -- skynet.datasheet waits for it
	local same = 0
	for _, name in ipairs(names()) do
		local full = (IN_DB[name] and "skynet.db." or "skynet.") .. name
		local ok, module = pcall(require, full)
		if ok then
			T.eq(rawequal(require(name), module), true, name)
			same = same + 1
		else
			T.raises(full, require, name) -- not built: the error is about the module of today
		end
	end
	T.within(same, 12, 20, "modules that are there")
end)

T.test("all names of skynet's folder are there", function()
	local found = {}
	for _, name in ipairs(names()) do found[name] = true end
	local all = "cluster crypt datacenter datasheet dns memory mongo mqueue multicast mysql netpack profile redis "
		.. "sharedata sharemap snax socket socketchannel socketdriver stm"
	for name in all:gmatch "%w+" do T.ok(found[name], name) end
end)

T.run()
