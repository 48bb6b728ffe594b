"""What the network benchmark and the soak share: nodes and other servers on free ports of this machine."""
import contextlib
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENGINES = ["lua54", "luajit"]
READY = "NETREADY"


def free_ports(count):
    """Ports that nobody listens on, below those that the system gives to connections."""
    ports = []
    while len(ports) < count:
        port = random.randrange(16000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            if port not in ports:
                ports.append(port)
    return ports


class Server:
    """A process that serves. ports: of each kind of server in it."""

    def __init__(self, name, ports, command, **options):
        self.name, self.ports = name, ports
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, **options)

    @property
    def pid(self):
        return self.process.pid

    def stop(self, patience=3):
        """The exit status, or None: it had to be killed."""
        self.process.terminate()
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


def start_node(name, kinds, engine, work, root=ROOT, binary=ROOT / "runtime", luaclib="luaclib", config=(), **options):
    """A node with the servers of net_main.lua."""
    ports = dict(zip(kinds, free_ports(len(kinds))))
    luaclib, cservice = root / luaclib, root / Path(luaclib).parent / "cservice"
    lines = [
        f'root = "{root}/"',
        f'luaservice = "{HERE}/?.lua;"..root.."service/?.lua"',
        'lualoader = root.."lualib/loader.lua"',
        'lua_path = root.."lualib/?.lua;"..root.."lualib/?/init.lua"',
        f'lua_cpath = "{luaclib}/?.so"',
        f'cpath = "{cservice}/?.so"',
        "thread = 2",
        "harbor = 0",
        'bootstrap = "snlua bootstrap"',
        'start = "net_main"',
        f'engine = "{engine}"',
        'net_ports = "' + " ".join(f"{kind}={port}" for kind, port in ports.items()) + '"',
        *config,
    ]
    file, log = work / f"{name}.config", work / f"{name}.log"
    file.write_text("\n".join(lines) + "\n")
    with log.open("wb") as out:
        node = Server(name, ports, [binary, file], cwd=root, stdout=out, stderr=subprocess.STDOUT, **options)
    node.log = log
    deadline = time.monotonic() + 60
    while READY not in log.read_text(errors="replace"):
        if node.process.poll() is not None or time.monotonic() > deadline:
            node.stop()
            sys.exit(f"the node {name} does not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)
    return node
