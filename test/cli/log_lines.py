"""What a node writes to its log about launches, requests, logins and addresses."""
import re
import socket
import subprocess
import time

from place import each_engine

ENDS = '''local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	%s
	skynet.timeout(5, skynet.abort)
end)
'''


@each_engine
def each_launch_has_a_line_and_that_of_the_log_service_none(place):
    place.write("ends.lua", ENDS % "")
    _, said = place.node('start = "ends"')
    launches = [line for line in said.splitlines() if " LAUNCH " in line]
    assert said.startswith("[:00000002] LAUNCH snlua bootstrap\n"), said
    assert "[:00000008] LAUNCH snlua ends" in launches, launches
    assert not any("logger" in line for line in launches), launches


@each_engine
def a_request_that_its_handler_leaves_without_an_answer_is_told_with_asker_and_place(place):
    place.write("deaf.lua", '''local skynet = require "skynet"
local kept
skynet.start(function()
	skynet.dispatch("lua", function(_, _, what)
		if what == "late" then kept = skynet.response() end
		if what == "answer" then skynet.ret(skynet.pack()) end
		if what == "raise" then error "no" end
	end)
end)
''')
    place.write("asks.lua", ENDS % '''local deaf = skynet.newservice "deaf"
	for _, what in ipairs { "late", "answer", "raise", "never" } do skynet.fork(pcall, skynet.call, deaf, "lua", what) end
	skynet.send(deaf, "lua", "sent")
	skynet.error("asked by " .. skynet.address(skynet.self()))''')
    _, said = place.node('start = "asks"')
    asker = re.search(r"asked by (:\w+)", said)[1]
    told = re.findall(r"\] Maybe forgot response session (\d+) from (\S+) : (\S+)", said)
    assert len(told) == 1 and told[0][1:] == (asker, "@./deaf.lua:4"), told


@each_engine
def a_login_server_tells_who_connects_and_by_which_descriptor(place):
    place.write("logs_in.lua", '''local login = require "snax.loginserver"
login {
	host = "127.0.0.1", port = 0, name = "login", instance = 1,
	auth_handler = function() end, login_handler = function() end, command_handler = function() end,
}
''')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    login = (place.path / "logs_in.lua").read_text().replace("port = 0", f"port = {port}")
    place.write("logs_in.lua", login)
    place.write("connects.lua", ENDS % f'''local socket = require "skynet.socket"
	skynet.newservice "logs_in"
	local id = assert(socket.open("127.0.0.1", {port}))
	assert(socket.readline(id))''')
    _, said = place.node('start = "connects"')
    assert re.search(r"connect from 127\.0\.0\.1:\d+ \(fd = \d+\)", said), said


@each_engine
def a_wsgate_that_cannot_listen_tells_address_and_cause(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        place.write("gate.lua", ENDS % f'''print(pcall(require("skynet.wsgate").launch, {{ address = "127.0.0.1", port = {port} }}))
	print(pcall(require("skynet.wsgate").launch, {{ address = "192.0.2.1", port = 80 }}))''')
        _, said = place.node('start = "gate"')
    assert f"[wsgate] Listen error: 127.0.0.1:{port}: Address already in use" in said, said
    assert f"wsgate: cannot start on 127.0.0.1:{port}" in said, said
    assert "[wsgate] Listen error: 192.0.2.1:80: Cannot assign requested address" in said, said


# Logs more than a pipe and the log take, does something else, and ends the node when the file `go` is there.
FLOODS = '''local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	local text = ("x"):rep(1000)
	for i = 1, 20000 do skynet.error(i, text) end
	local file = io.open("done", "w")
	file:close()
	skynet.fork(function()
		while true do
			local go = io.open "go"
			if go then break end
			skynet.sleep(1)
		end
		skynet.abort()
	end)
end)
'''


def flooding(place):
    """A node that floods a standard output which nobody has read yet; other services have gone on."""
    place.write("floods.lua", FLOODS)
    node = subprocess.Popen([place.bin, place.config('start = "floods"')], cwd=place.path, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    end = time.monotonic() + place.seconds
    while not (place.path / "done").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    return node


@each_engine
def a_node_whose_output_nobody_reads_goes_on_and_ends_in_order(place):
    with flooding(place) as node:
        place.write("go", "")
        try:
            assert node.wait(place.seconds) == 0
        finally:
            node.kill()


@each_engine
def lines_that_nobody_read_are_kept_up_to_a_bound_and_those_beyond_it_counted(place):
    with flooding(place) as node:
        said = b""
        while b"lines lost" not in said:
            assert (chunk := node.stdout.read1()), said[-100:]
            said += chunk
        place.write("go", "")
        said = (said + node.stdout.read()).decode()
        assert node.wait(place.seconds) == 0
    lines = [int(line) for line in re.findall(r"^\[:\w+\] (\d+) x{1000}$", said, re.M)]
    lost = [int(count) for count in re.findall(r"^\[:00000000\] log: lines lost: (\d+)$", said, re.M)]
    assert lines[:8000] == list(range(1, 8001)), lines[:10]
    assert sum(lost) > 0 and len(lines) + sum(lost) >= 20000, (len(lines), lost)


@each_engine
def what_is_logged_before_os_exit_reaches_a_reader_that_is_slower(place):
    place.write("exits.lua", '''local skynet = require "skynet"
skynet.start(function()
	for i = 1, 1000 do skynet.error(i, ("x"):rep(1000)) end
	os.exit(3)
end)
''')
    for threads in 1, 2:
        status, said = place.node('start = "exits"', f"thread = {threads}")
        place.said = ""  # a megabyte
        assert status == 3 and re.findall(r"\] (\d+) x{1000}\n", said) == [str(i) for i in range(1, 1001)], (threads, len(said))
