"""What a node writes to its log about launches, requests, logins and addresses."""
import re
import socket

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
