--- A MariaDB server of a test's own, which it may stop and start again. It has no grants: any user with any password
--- is let in.
local skynet = require "skynet"
local socket = require "skynet.socket"

local mariadb = {}
mariadb.__index = mariadb

local function run(command, ...)
	local out = assert(io.popen(command:format(...)))
	local text = out:read "*a"
	out:close()
	return (text:gsub("%s+$", ""))
end

-- Whether somebody listens there.
local function answers(port)
	local id = socket.open("127.0.0.1", port)
	if id then socket.close(id) end
	return id ~= nil and id ~= false
end

local function wait_for(what, f)
	for _ = 1, 3000 do
		if f() then return end
		skynet.sleep(1)
	end
	error("mariadbd does not " .. what)
end

-- Ends with the node, however that ends: a node that was killed must not leave a server behind.
local COMMAND = "mkdir -p '%s/data'; { mariadbd --no-defaults --datadir='%s/data' %s --skip-grant-tables --skip-networking=0 "
	.. "--bind-address=127.0.0.1 --port=%d --socket='%s/s' --innodb-buffer-pool-size=16M --innodb-log-file-size=4M %s > '%s/log' 2>&1 & "
	.. "p=$!; echo $p; exec > /dev/null 2>&1; while kill -0 $p; do kill -0 $PPID || kill -9 $p; sleep 1; done; } &"

--- Starts it, and waits until it answers.
---@async
function mariadb:start()
	local folder = self.folder
	local user = run "id -u" == "0" and "--user=root" or ""
	self.pid = run(COMMAND, folder, folder, user, self.port, folder, self.options, folder)
	wait_for("answer", function() return answers(self.port) end)
end

--- Ends it and waits until it is gone.
---@async
---@param signal? string  "TERM"; "KILL" for a crash
function mariadb:stop(signal)
	os.execute(string.format("kill -%s %s", signal or "TERM", self.pid))
	wait_for("end", function() return run("kill -0 %s 2>&1 || echo gone", self.pid):find "gone" ~= nil end)
end

--- Ends it and removes its files.
---@async
function mariadb:remove()
	self:stop "KILL"
	os.execute("rm -rf '" .. self.folder .. "'")
end

--- A server that runs, with its files in the folder of the case.
---@async
---@param port integer
---@param options? string  of its command line
function mariadb.new(port, options)
	local self = setmetatable({ port = port, options = options or "", folder = run "pwd" .. "/mariadb" }, mariadb)
	self:start()
	return self
end

return mariadb
