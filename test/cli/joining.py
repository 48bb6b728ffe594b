"""A node of a harbor network: what keeps it from joining ends it, and a master that comes back is found again."""
import contextlib
import os
import socket
import subprocess
import threading
import time

from place import each_engine

ENDS = 'local skynet = require "skynet"\nrequire "skynet.manager"\nskynet.start(function() skynet.timeout(1, skynet.abort) end)\n'
# Registers a global name, and answers it.
MEMBER = """local skynet = require "skynet"
local harbor = require "skynet.harbor"
skynet.start(function()
	skynet.dispatch("lua", function(_, _, ...) skynet.retpack(skynet.getenv "harbor", ...) end)
	skynet.uniqueservice "unique"
	harbor.globalname("MEMBER" .. skynet.getenv "harbor")
	skynet.error "is there"
end)
"""
UNIQUE = 'local skynet = require "skynet"\nskynet.start(function() end)\n'
# Calls a member once its name is known, and waits until its manager of services has reported.
CALLER = """local skynet = require "skynet"
local harbor = require "skynet.harbor"
skynet.start(function()
	skynet.fork(function()
		skynet.error("the answer is", skynet.call(harbor.queryname "MEMBER2", "lua", "hello"))
		repeat skynet.sleep(5) until skynet.call(".service", "lua", "LIST")["unique@2"]
		skynet.error "node 2 has reported"
	end)
end)
"""


def free_ports(count):
    """Ports that nobody has at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


@contextlib.contextmanager
def occupied():
    """A listening socket that never accepts."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        yield s, s.getsockname()[1]


def member(id, port, master):
    return [f"harbor = {id}", f'address = "127.0.0.1:{port}"', f'master = "127.0.0.1:{master}"']


def first(port, master, start):
    return [*member(1, port, master), f'standalone = "127.0.0.1:{master}"', f'start = "{start}"']


def ends_with_reason(place, reason, *lines):
    status, said = place.node(*lines)
    assert status == 1, status
    assert sum("Can't launch c" in line and reason in line for line in said.splitlines()) == 1, f"one line says: {reason}"


def write_services(place):
    for name, text in (("member", MEMBER), ("caller", CALLER), ("unique", UNIQUE)):
        place.write(f"{name}.lua", text)


class Running:
    """A node that runs until it is killed; what it says is in a file."""
    def __init__(self, place, name, *lines):
        place.config(*lines)
        (place.path / "config").rename(place.path / f"{name}.config")
        self.place, self.log = place, place.path / f"{name}.log"
        with self.log.open("ab") as out:
            self.process = subprocess.Popen([place.bin, f"{name}.config"], cwd=place.path, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT)

    def says(self, text, times=1):
        deadline = time.monotonic() + self.place.seconds
        while time.monotonic() < deadline:
            self.place.said = self.log.read_text(errors="replace")
            if self.place.said.count(text) >= times:
                return
            assert self.process.poll() is None, f"the node has ended before it said: {text}"
            time.sleep(0.02)
        raise AssertionError(f"the node does not say: {text}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


@each_engine
def a_master_that_cannot_be_reached_ends_the_node(place):
    own, master = free_ports(2)
    ends_with_reason(place, f"cannot connect to the master at 127.0.0.1:{master}: Connection refused", *member(2, own, master))


@each_engine
def an_address_in_use_ends_the_node(place):
    with occupied() as (_, own):
        ends_with_reason(place, f"cannot listen on 127.0.0.1:{own}, the option `address`: Address already in use",
                         *member(2, own, free_ports(1)[0]))


@each_engine
def a_masters_address_in_use_ends_the_node(place):
    place.write("ends.lua", ENDS)
    with occupied() as (_, master):
        ends_with_reason(place, f"cannot listen on 127.0.0.1:{master}, the option `standalone`: Address already in use",
                         *first(free_ports(1)[0], master, "ends"))


@each_engine
def an_id_that_the_master_refuses_ends_the_node(place):
    write_services(place)
    one, two, master = free_ports(3)
    with Running(place, "first", *first(one, master, "member")) as node:
        node.says("is there")
        ends_with_reason(place, f"the master at 127.0.0.1:{master} refuses harbor 1", *member(1, two, master))
        assert node.process.poll() is None, "the node that has the id stays"


def answers_with(listener, data):
    """Answers the next connection with these bytes, and keeps it open."""
    def answer():
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            connection.sendall(data)
            connection.recv(1000)
            connection.recv(1000)
            connection.close()
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    return thread


@each_engine
def a_master_that_is_none_ends_the_node(place):
    for data, reason in [(b"\x00", "an empty packet"), (b"\x03\xff\xff\xff", "undecodable bytes"), (b"HTTP/1.1 400" + bytes(100), "a packet without a letter"),
                         (b"\x01\x00", "a packet without a letter"), (b"\x04\x0cW\x0cx", "a packet W with a wrong value")]:
        with occupied() as (listener, master):
            answers_with(listener, data)
            ends_with_reason(place, f"the master at 127.0.0.1:{master} does not answer as a master: {reason}",
                             *member(2, free_ports(1)[0], master))


@each_engine
def random_bytes_on_a_nodes_port_and_on_the_masters_do_no_harm(place):
    """The node 2 listens for as long as a node that the master knows has not connected to it: here for ever."""
    write_services(place)
    one, two, ghost, master = free_ports(4)
    with Running(place, "first", *first(one, master, "caller")) as node:
        node.says("master listens")
        with socket.create_connection(("127.0.0.1", master)) as slave:
            # A node 9 that joins, and does not connect to those who come later.
            body = b"\x0cH" + b"\x0a\x09" + bytes([4 + (len(f"127.0.0.1:{ghost}") << 3)]) + f"127.0.0.1:{ghost}".encode()
            slave.sendall(bytes([len(body)]) + body)
            node.says("Harbor 9")
            with Running(place, "second", *member(2, two, master), 'start = "member"') as second:
                second.says("Waiting for")
                for port in (two, master) * 30:
                    with socket.create_connection(("127.0.0.1", port)) as s:
                        s.sendall(os.urandom(2 + os.urandom(1)[0]))
                slave.close()
                second.says("is there")
                node.says("the answer is 2 hello")
                assert second.process.poll() is None and node.process.poll() is None


@each_engine
def a_master_that_comes_back_hears_of_names_and_nodes_again(place):
    write_services(place)
    one, two, master = free_ports(3)
    with Running(place, "first", *first(one, master, "caller")) as node:
        node.says("master listens")
        with Running(place, "second", *member(2, two, master), 'start = "member"') as second:
            node.says("the answer is 2 hello")
            node.says("node 2 has reported")
            node.kill()
            second.says("Lost the master at")
            with Running(place, "first", *first(one, master, "caller")) as again:
                again.says("the answer is 2 hello", times=2)
                again.says("node 2 has reported", times=2)
                assert second.process.poll() is None
