"""A tree of files that is compatible with skynet, and how a scene of bench/scenes is run on it."""
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
ENGINES = ["lua54", "luajit"]

CONFIG = """\
root = "{root}/"
luaservice = "{scenes}/?.lua;"..root.."service/?.lua"
lualoader = root.."lualib/loader.lua"
lua_path = root.."lualib/?.lua;"..root.."lualib/?/init.lua"
lua_cpath = root.."luaclib/?.so"
cpath = root.."cservice/?.so"
harbor = 0
bootstrap = "snlua bootstrap"
start = "bench_main"
"""


class SceneFailed(Exception):
    """The node ended without a result, or not at all; the text is the end of what it printed."""


@dataclass
class Tree:
    """`lines` are added to the config of every scene."""

    name: str
    root: Path = ROOT
    binary: Path = ROOT / "runtime"
    lines: list = field(default_factory=list)

    @staticmethod
    def own(engine, binary=ROOT / "runtime"):
        return Tree(engine, ROOT, Path(binary).resolve(), [f'engine = "{engine}"'])

    def run(self, scene, timeout=120, **options):
        """Runs one scene in a node of its own; {"call": {"count": 1.0, "per_sec": 2.0, ...}}."""
        return parse(self.output(scene, timeout, **options))

    def config(self, scene, **options):
        """The text of a node's config."""
        options = {"thread": 2, **options, "scene": scene}
        # The last assignment of a key counts.
        return "".join([CONFIG.format(root=self.root, scenes=BENCH / "scenes"),
                        *(f'{key} = "{value}"\n' for key, value in options.items()),
                        *(f"{line}\n" for line in self.lines)])

    def output(self, scene, timeout=120, **options):
        """The lines that the scene printed. `options` are keys of the config: n, w, thread, ..."""
        with tempfile.NamedTemporaryFile("w", suffix=".config") as config:
            config.write(self.config(scene, **options))
            config.flush()
            try:
                node = subprocess.run([self.binary, config.name], cwd=self.root, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
            except subprocess.TimeoutExpired as late:
                raise SceneFailed(f"{self.name}: {scene}: no end in {timeout} s\n{tail(late.stdout)}") from None
        lines = [line for line in node.stdout.decode(errors="replace").splitlines() if line.startswith("BENCH ")]
        if not lines or any(line.startswith("BENCH ERROR") for line in lines):
            raise SceneFailed(f"{self.name}: {scene}: status {node.returncode}\n{tail(node.stdout)}")
        return lines


def tail(output):
    return "\n".join((output or b"").decode(errors="replace").splitlines()[-10:])


def parse(lines):
    """{scene: {key: number}} from lines `BENCH scene key=number ...`."""
    results = {}
    for line in lines:
        name, _, rest = line.removeprefix("BENCH ").partition(" ")
        results[name] = {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", rest)}
    return results
