"""A folder to run nodes in, and a node with what it has printed so far."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

# What nodes write or scenes change is copied; the rest is linked.
COPIED = {"etc", "data"}
LEFT_OUT = {".git", "build", "var"}  # var: what `make run` has made there


class Folder:
    def __init__(self, root, binary, engine):
        self.root, self.binary, self.engine = root, Path(binary), engine
        self.path = Path(tempfile.mkdtemp(prefix="demo-"))
        self.nodes = []
        for entry in root.iterdir():
            if entry.name in COPIED:
                shutil.copytree(entry, self.path / entry.name)
            elif entry.name not in LEFT_OUT and not entry.name.startswith(".snowflake_"):
                (self.path / entry.name).symlink_to(entry)

    def config(self, name, *lines):
        """A config that includes etc/NAME, with the engine of this run and more lines after it."""
        made = self.path / "etc" / f"run.{name}.{len(self.nodes)}"
        made.write_text("\n".join([f'include "{name}"', f'engine = "{self.engine}"', *lines]) + "\n")
        return f"etc/{made.name}"

    def start(self, name, *lines):
        """A node that runs etc/NAME."""
        return self.spawn([self.binary, self.config(name, *lines)])

    def spawn(self, command, cwd=None):
        node = Node(command, cwd or self.path)
        self.nodes.append(node)
        return node

    def logs(self):
        return "\n".join(f"---- {' '.join(map(str, n.command))}\n{n.text()}" for n in self.nodes)

    def close(self):
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.path, ignore_errors=True)


class Node:
    def __init__(self, command, cwd):
        self.command = command
        self.lines = []  # guarded by changed
        self.changed = threading.Condition()
        self.process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()

    def text(self):
        with self.changed:
            return "\n".join(self.lines)

    def has(self, pattern):
        return re.search(pattern, self.text(), re.M)

    def wait(self, pattern, seconds=20):
        """Waits for a line that matches, and gives the match."""
        end = time.monotonic() + seconds
        while True:
            found = self.has(pattern)
            if found:
                return found
            left = end - time.monotonic()
            if left <= 0 or self.process.poll() is not None:
                time.sleep(0.1)  # the reader may be behind
                found = self.has(pattern)
                assert found, f"no line like {pattern!r}" + ("" if left <= 0 else f"; ended with {self.process.poll()}")
                return found
            with self.changed:
                self.changed.wait(min(left, 0.2))

    def wait_in_order(self, patterns, seconds=20):
        """Waits for lines that match, each after the one before; other lines may be between."""
        expression = "".join(rf"^.*{p}.*$[\s\S]*?" for p in patterns)
        try:
            self.wait(expression, seconds)
        except AssertionError:
            raise AssertionError("not in this order: " + " | ".join(patterns)) from None

    def runs(self):
        return self.process.poll() is None

    def stop(self, number=signal.SIGTERM, seconds=1.5):
        """Sends a signal; the node must end in good order, and soon."""
        begun = time.monotonic()
        os.kill(self.process.pid, number)
        status = self.process.wait(20)
        took = time.monotonic() - begun
        assert took < seconds, f"the node took {took:.1f} s to end"
        assert status in (0, -number), f"the node ended with {status}"

    def kill(self):
        if self.runs():
            self.process.kill()
        self.process.wait()
