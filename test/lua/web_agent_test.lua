-- The web server where things go wrong.
local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
local T = require "harness"

local port = tonumber(skynet.getenv "port")
local watchdog

-- The answer to a raw request, until the server closes.
local function ask(request)
	if not watchdog then
		watchdog = skynet.newservice "web_watchdog"
		skynet.call(watchdog, "lua", "start", { port = port, agent_cnt = 1 })
	end
	local fd = socket.open("127.0.0.1", port)
	socket.write(fd, request)
	local text = socket.readall(fd)
	socket.close(fd)
	return text
end

T.test("a handler that raises is answered with 500, and the connection is closed", function()
	local text = ask "POST /app/1/comments HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
	T.ok(text:find("^HTTP/1%.1 500 "), text)
end)

T.test("HEAD is answered as GET is, without the body", function()
	local function head_and_body(method, path)
		return ask(method .. " " .. path .. " HTTP/1.1\r\nhost: x\r\n\r\n"):match "^(.-\r\n\r\n)(.*)$"
	end
	for _, path in ipairs { "/hello", "/hello/bob?x=1", "/none" } do
		local head = head_and_body("GET", path)
		T.eq({ head_and_body("HEAD", path) }, { head, "" }, path)
	end
end)

T.test("a file's name ends where the path does, not at a zero byte", function()
	skynet.setenv("static_path", "./")
	local file = assert(io.open("page.html", "w"))
	file:write "the page"
	file:close()
	for path, status in pairs { ["page.html"] = 200, ["page.html%00"] = 404, ["page.html%00.txt"] = 404, ["%00page.html"] = 404 } do
		local text = ask("GET /static/" .. path .. " HTTP/1.1\r\nhost: x\r\n\r\n")
		T.eq(text:match "^HTTP/1%.1 (%d+) ", tostring(status), path)
	end
end)

T.test("a client that goes away in its request does no harm", function()
	local fd = socket.open("127.0.0.1", port)
	socket.write(fd, "GET /hello HT")
	socket.close(fd)
	T.ok(ask "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n":find("someone said hello", 1, true))
end)

T.test("requests that are done leave no coroutines behind", function()
	for _ = 1, 5 do ask "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n" end
	local stats = skynet.call(".launcher", "lua", "STAT")
	for address, name in pairs(skynet.call(".launcher", "lua", "LIST")) do
		if name:find("web_agent http", 1, true) then T.within(stats[address].task, 0, 2, name) end
	end
end)

T.test("a second server cannot take the port, and leaves no agent behind", function()
	local function agents()
		local count = 0
		for _, name in pairs(skynet.call(".launcher", "lua", "LIST")) do
			if name:find("web_agent", 1, true) then count = count + 1 end
		end
		return count
	end
	local before = agents()
	local other = skynet.newservice "web_watchdog"
	T.raises("call failed", skynet.call, other, "lua", "start", { port = port, agent_cnt = 3 })
	T.eq(agents(), before)
	T.raises("call failed", skynet.call, other, "lua", "stop")
end)

T.test("a client whose agent has ended sees the end", function()
	for address, name in pairs(skynet.call(".launcher", "lua", "LIST")) do
		if name:find("web_agent http", 1, true) then skynet.kill(address) end
	end
	T.eq(ask "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n", "")
end)

T.run()
