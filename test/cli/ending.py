"""How a node ends: in time beside a service that loops, and with what is still to be sent."""
import os
import signal
import socket
import subprocess
import threading
import time

from place import each_engine

BYTES = 20 << 20
# Queues far more than the kernel takes on a connection that it makes, and ends the node.
SENDS = '''local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
skynet.start(function()
	local id = assert(socket.open("127.0.0.1", tonumber(skynet.getenv "port")))
	for _ = 1, 20 do socket.write(id, ("x"):rep(1024 * 1024)) end
	skynet.abort()
end)
'''


def read_to_end(connection):
    """How many bytes came, and whether a reset ended them."""
    count = 0
    try:
        while chunk := connection.recv(1 << 16):
            count += len(chunk)
    except ConnectionResetError:
        return count, True
    return count, False


def sender(place, read, *lines):
    """Runs a node that sends; what `read` makes of the connection, and the node's exit status."""
    place.write("sends.lua", SENDS)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(place.seconds)
        status = []
        node = threading.Thread(target=lambda: status.append(
            place.node('start = "sends"', f"port = {listener.getsockname()[1]}", *lines)[0]))
        node.start()
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(place.seconds)
            result = read(connection, node)
        node.join()
        return result, status[0]


@each_engine
def what_is_queued_leaves_within_flush_timeout(place):
    def slowly(connection, _):
        time.sleep(0.2)  # a reader that pauses
        return read_to_end(connection)
    assert sender(place, slowly, "flush_timeout = 3000") == ((BYTES, False), 0)


@each_engine
def a_peer_that_has_not_got_everything_sees_a_reset(place):
    def too_late(connection, node):
        node.join()
        return read_to_end(connection)
    (count, reset), status = sender(place, too_late, "flush_timeout = 10")
    assert count < BYTES and reset and status == 0, (count, reset, status)


@each_engine
def abort_beside_a_service_that_loops_ends_the_node_and_names_it(place):
    place.write("loops.lua", 'local skynet = require "skynet"\n'
                             'skynet.start(function() skynet.timeout(1, function() while true do end end) end)\n')
    place.write("aborts.lua", 'local skynet = require "skynet"\nrequire "skynet.manager"\nskynet.start(function()\n'
                              'skynet.newservice "loops" skynet.timeout(10, skynet.abort) end)\n')
    status, said = place.node('start = "aborts"')
    assert status == 1 and "services do not come back from a message: :0000000" in said, status


@each_engine
def many_services_that_each_take_a_while_to_end_are_waited_for(place):
    place.write("slow.lua", """
local skynet = require "skynet"
local function busy()
	local began = skynet.hpc()
	repeat until skynet.hpc() - began > 30e6
end
if newproxy then
	kept = newproxy(true)
	getmetatable(kept).__gc = busy
else
	kept = setmetatable({}, { __gc = busy })
end
skynet.start(function() end)
""")
    place.write("aborts.lua", """
local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	for _ = 1, 100 do
		skynet.newservice "slow"
	end
	skynet.abort()
end)
""")
    status, said = place.node('start = "aborts"', "thread = 2")
    assert status == 0 and "do not come back" not in said, (status, said[-300:])


@each_engine
def abort_beside_a_service_that_reads_a_silent_file_ends_the_node(place):
    os.mkfifo(place.path / "silent")
    # Open for both directions: no end of file either.
    place.write("reads.lua", 'io.open("silent", "r+"):read()\n')
    place.write("aborts.lua", 'local skynet = require "skynet"\nrequire "skynet.manager"\nskynet.start(function()\n'
                              'skynet.launch("snlua", "reads") skynet.timeout(10, skynet.abort) end)\n')
    status, said = place.node('start = "aborts"')
    assert status == 1 and "services do not come back from a message: :0000000" in said, status


@each_engine
def what_is_logged_before_os_exit_reaches_the_log(place):
    place.write("leaves.lua", 'local skynet = require "skynet"\nskynet.start(function()\n'
                              'for i = 1, 1000 do skynet.error("line", i) end os.exit(7) end)\n')
    for threads in 1, 4:
        status, said = place.node('start = "leaves"', f"thread = {threads}")
        assert status == 7 and said.count("line ") == 1000, (threads, status, said[-200:])
        status, said = place.node('start = "leaves"', f"thread = {threads}", 'logger = "node.log"')
        assert status == 7 and (place.path / "node.log").read_text().count("line ") == 1000, (threads, status, said)
        (place.path / "node.log").unlink()


@each_engine
def a_service_that_fails_to_load_while_the_node_ends_is_no_failure_of_the_node(place):
    place.write("fails.lua", 'local till = os.clock() + 0.3\nrepeat until os.clock() > till\nerror "too late"\n')
    place.write("aborts.lua", 'local skynet = require "skynet"\nrequire "skynet.manager"\nskynet.start(function()\n'
                              'skynet.launch("snlua", "fails") skynet.timeout(5, skynet.abort) end)\n')
    status, said = place.node('start = "aborts"')
    assert status == 0 and "too late" in said, status


@each_engine
def a_log_service_in_lua_writes_what_waits_when_the_node_ends(place):
    place.write("writes.lua", '''local skynet = require "skynet"
skynet.register_protocol {
	name = "text", id = skynet.PTYPE_TEXT, unpack = skynet.tostring,
	dispatch = function(_, _, text) io.stdout:write("it says: ", text, "\\n") end,
}
skynet.start(function() end)
''')
    place.write("talks.lua", '''local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	for i = 1, 20000 do skynet.error("line " .. i) end
	%s
end)
''')
    talks = (place.path / "talks.lua").read_text()
    for threads in 1, 4:
        for end, wanted in ("skynet.abort()", 0), ("os.exit(7)", 7):
            place.write("talks.lua", talks % end)
            status, said = place.node('start = "talks"', f"thread = {threads}", 'logservice = "snlua"', 'logger = "writes"')
            assert status == wanted and said.count("it says: line ") == 20000, (threads, end, status, said[-200:])


@each_engine
def a_node_that_has_nothing_to_do_obeys_signals(place):
    place.write("idles.lua", 'require("skynet").start(function() require("skynet").error "it idles" end)\n')
    log, aside = place.path / "node.log", place.path / "aside.log"
    deadline = time.monotonic() + place.seconds

    def eventually(condition):
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    with subprocess.Popen([place.bin, place.config('start = "idles"', 'logger = "node.log"')], cwd=place.path) as node:
        try:
            eventually(lambda: log.exists() and "it idles" in log.read_text())
            log.rename(aside)
            node.send_signal(signal.SIGHUP)
            eventually(log.exists)
            node.send_signal(signal.SIGTERM)
            assert node.wait(place.seconds) == -signal.SIGTERM
        finally:
            node.kill()
