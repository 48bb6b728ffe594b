"""An empty folder to start nodes in."""
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ["lua54", "luajit"]
SECONDS = 30  # for one node, which ends by itself


class Skip(Exception):
    """Why a test cannot run here."""


def each_engine(test):
    test.engines = ENGINES
    return test


def once(test):
    test.engines = ["lua54"]
    return test


class Place:
    def __init__(self, args, engine):
        self.bin = str(Path(args.bin).resolve())
        self.engine, self.seconds = engine, SECONDS * args.slow
        self.luaclib, self.cservice = Path(args.luaclib).resolve(), Path(args.cservice).resolve()
        self.said = ""  # by the last command

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="cli-"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def config(self, *lines):
        """A config whose own folder is searched before the tree; later lines win."""
        self.write("config", "\n".join([
            f'root = "{ROOT}/"', 'lualoader = root .. "lualib/loader.lua"',
            'luaservice = "./?.lua;" .. root .. "service/?.lua"', 'snax = "./?.lua"',
            'lua_path = "./?.lua;" .. root .. "lualib/?.lua;" .. root .. "lualib/?/init.lua"',
            f'lua_cpath = "{self.luaclib}/?.so"', f'cpath = "./?.so;{self.cservice}/?.so"',
            "thread = 2", "harbor = 0", f'engine = "{self.engine}"', *lines]) + "\n")
        return "config"

    def run(self, *command, **options):
        """Runs it to its end; (exit status, all it has said)."""
        done = subprocess.run([str(c) for c in command], cwd=options.pop("cwd", self.path), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=self.seconds, **options)
        self.said = done.stdout.decode(errors="replace")
        return done.returncode, self.said

    def node(self, *lines):
        """Runs a node with the config lines to its end."""
        return self.run(self.bin, self.config(*lines))

    def library(self, name, source):
        """NAME.so in this folder, from a source in C."""
        file = self.write(f"{name}.c", source)
        subprocess.run(["cc", "-shared", "-fPIC", f"-I{ROOT}/include", "-o", self.path / f"{name}.so", file], check=True)
