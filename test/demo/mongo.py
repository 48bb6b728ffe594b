"""A MongoDB for the scenes: CongoServer, a server with MongoDB's protocol in JavaScript, in memory."""
import shutil
import socket
import time
from pathlib import Path

MODULES = Path(__file__).resolve().parents[1] / "servers" / "node_modules"
SERVER = MODULES / "@push.rocks/smartmongo/dist_ts/congodb/index.js"
SCRIPT = """
const { CongoServer } = await import('file://' + process.argv[1]);
await new CongoServer({ host: '127.0.0.1', port: +process.argv[2] }).start();
"""


def available():
    return SERVER.is_file() and shutil.which("node") is not None


def start(folder, port=27017):
    """Starts one in a folder (node.py), and waits until it listens."""
    folder.spawn(["node", "--input-type=module", "-e", SCRIPT, SERVER, str(port)])
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionError:
            assert time.monotonic() < end, "the MongoDB does not start"
            time.sleep(0.1)
