-- needs: redis
-- timeout: 240
-- skynet.db.redis and a real server that is killed and started again while requests are under way. (The header only says
-- that redis-server must be there: the one that is killed is started here.)
local skynet = require "skynet"
local socket = require "skynet.socket"
local redis = require "skynet.db.redis"
local sc = require "skynet.socketchannel"
local T = require "harness"

local HOST = "127.0.0.1"
local port = tonumber(skynet.getenv "port")

local function shell(command)
	local pipe = assert(io.popen(command))
	local line = pipe:read "*l"
	pipe:close()
	return line
end

local server -- its process id

local function reachable()
	local id = socket.open(HOST, port)
	if id then socket.close(id) end
	return id ~= nil
end

-- It ends with this node, whatever happens.
local function start_server()
	local watched = [[redis-server --port %d --bind %s --save '' --dir . >/dev/null & echo $!; ]]
		.. [[(while kill -0 %s 2>/dev/null; do sleep 1; done; kill -9 $!) >/dev/null 2>&1 &]]
	server = shell(watched:format(port, HOST, shell "echo $PPID"))
	T.eventually(reachable, 3000)
end

local function kill_server()
	os.execute("kill -9 " .. server)
	T.eventually(function() return not reachable() end, 3000)
end

local function connect(conf)
	conf = conf or {}
	conf.host, conf.port = HOST, port
	return redis.connect(conf)
end

T.test("1,000 requests in flight when the server is killed: each raises, none gets another's answer", function()
	start_server()
	local db, other = connect(), connect()
	other:client("pause", 60000) -- it goes on reading, and answers nothing
	local wrong, failed = 0, 0
	for i = 1, 1000 do
		skynet.fork(function()
			local ok, value = pcall(db.echo, db, i)
			if not ok and value == sc.error then
				failed = failed + 1
			elseif value ~= tostring(i) then
				wrong = wrong + 1
			end
		end)
	end
	skynet.yield()
	kill_server()
	T.eventually(function() return failed + wrong == 1000 end, 3000)
	T.eq({ failed, wrong }, { 1000, 0 })
	start_server()
	T.eq(db:echo "again", "again")
	db:disconnect()
	other:disconnect()
end)

T.test("callers that go on through restarts get their own answer or an error, each time", function()
	local db = connect { timeout = 500 }
	local CALLERS, answered, failed, wrong, running, stop = 100, 0, 0, 0, 0, false
	local counted = 0
	for i = 1, CALLERS do
		running = running + 1
		skynet.fork(function()
			local n = 0
			while not stop do
				n = n + 1
				local word = i .. ":" .. n
				local ok, value = pcall(db.echo, db, word)
				if not ok then
					failed = failed + 1
					skynet.sleep(1)
				elseif value == word then
					answered = answered + 1
				else
					wrong = wrong + 1
				end
			end
			running = running - 1
		end)
	end
	for _ = 1, 3 do
		counted = answered
		T.eventually(function() return answered > counted + 10 * CALLERS end, 3000)
		kill_server()
		start_server()
	end
	counted = answered
	T.eventually(function() return answered > counted + CALLERS end, 3000)
	stop = true
	T.eventually(function() return running == 0 end, 3000)
	T.eq(wrong, 0)
	T.ok(failed > 0, "some were in flight")
	db:disconnect()
end)

T.test("a pipeline that is cut off raises, and does not fill its results later", function()
	local db, other = connect(), connect()
	other:client("pause", 60000)
	local results, err = {}, nil
	skynet.fork(function() err = select(2, pcall(db.pipeline, db, { { "PING" }, { "PING" } }, results)) end)
	skynet.yield()
	kill_server()
	T.eventually(function() return err end, 3000)
	T.ok(err == sc.error)
	start_server()
	T.eq(db:ping(), "PONG")
	T.eq(results, {})
	db:disconnect()
	other:disconnect()
end)

T.test("a watcher subscribes again after a restart, and gets messages", function()
	local watch = redis.watch { host = HOST, port = port }
	watch:subscribe("news", "more")
	watch:psubscribe "p*"
	local got, lost, watching = {}, 0, true
	skynet.fork(function()
		while watching do
			local ok, data, channel, pattern = pcall(watch.message, watch)
			if ok then
				got[#got + 1] = table.concat({ data, channel, pattern }, " ")
			else
				lost = lost + 1
			end
		end
	end)
	local db = connect()
	-- Until all three are subscribed to, which the server knows.
	local function subscribed()
		local ok, patterns = pcall(db.pubsub, db, "numpat")
		if not ok or patterns ~= 1 then return false end
		local names = db:pubsub("numsub", "news", "more")
		return names[2] == 1 and names[4] == 1
	end
	T.eventually(subscribed, 3000)
	db:publish("news", 1)
	T.eventually(function() return #got == 1 end, 3000)
	kill_server()
	T.eventually(function() return lost >= 1 end, 3000)
	start_server()
	T.eventually(subscribed, 3000)
	db:publish("news", 2)
	db:publish("more", 3)
	db:publish("pq", 4)
	T.eventually(function() return #got == 4 end, 3000)
	T.eq(got, { "1 news", "2 news", "3 more", "4 pq p*" })
	watching = false
	db:disconnect()
	watch:disconnect()
	kill_server()
end)

T.run(6000)
