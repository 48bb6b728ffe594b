-- config: thread = 2
-- A worker that waits for what comes on sockets, and then is at one message for long, holds up no other connection. Nothing
-- here measures time: the message ends when the other connection has been served, and gives up after a minute.
local skynet = require "skynet"
local socket = require "skynet.socket"
local net = require "net"
local T = require "harness"

local KEY = "the_other_was_served"
local BEGINS = "it_begins"

-- From outside, when all is still here: connects at once, and says something when the file is there.
local CLIENT = [[
exec 3<>/dev/tcp/127.0.0.1/%d
until [ -e %s ]; do sleep 0.02; done
sleep 0.1
echo served >&3
read -r <&3
]]

T.test("another connection is served while the worker that waited for sockets is held", function()
	local reader_listener, _, reader_port = socket.listen(net.host, 0)
	socket.start(reader_listener, function(id) skynet.call(skynet.newservice "busy_reader", "lua", id, KEY) end)
	local other_listener, other_port = net.serve(function(id)
		local line = socket.readline(id)
		skynet.setenv(KEY, line)
		socket.write(id, line .. "\n")
	end)
	os.execute(("bash -c '%s' >/dev/null 2>&1 </dev/null &"):format(CLIENT:format(other_port, BEGINS)))
	local id = assert(socket.open(net.host, reader_port))
	-- Questions and answers of one connection: from the second one on a worker waits for them itself.
	for i = 1, 500 do
		socket.write(id, i .. "\n")
		T.eq(socket.readline(id), tostring(i))
	end
	socket.write(id, "hold\n")
	assert(io.open(BEGINS, "w")):close()
	T.eq(socket.readline(id), "was told")
	T.eq(skynet.getenv(KEY), "served")
	socket.close(id)
	socket.close(reader_listener)
	socket.close(other_listener)
end)

T.run(7000)
