"""What is measured: which scenes, how large, how often."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure of the message benchmark. `scene` and `options` say what is run, `line` and `key` where the figure is."""

    key: str
    title: str
    scene: str
    options: dict
    line: str
    value: str
    unit: str
    better: str = "more"  # or "less"


def _row(key, title, scene, n, w=1, line=None, value="per_sec", unit="/s", better="more", **options):
    return Row(key, title, scene, {"n": n, "w": w, **options}, line or key, value, unit, better)


# In the order of the scenes: rows that share a scene and its options are read from one run of it.
MESSAGES = [
    _row("call", "request/response, one pair", "call", 400_000),
    _row("pairs8", "request/response, 8 pairs", "pairs", 800_000, 8),
    _row("fanin8", "8 callers, one answering service", "fanin", 800_000, 8),
    _row("send", "one-way flood into one service", "send", 1_000_000),
    _row("ring1", "ring of 256 services, 1 token", "ring", 500_000, 1),
    _row("ring64", "ring of 256 services, 64 tokens", "ring", 2_000_000, 64),
    _row("fork", "skynet.fork", "fork", 1_000_000),
    _row("pack", "pack + unpack of a nested table", "pack", 50_000),
    _row("spawn", "new services", "spawn", 3_000),
    _row("kill", "ends of services", "spawn", 3_000),
    _row("memory", "memory of an idle service", "spawn", 3_000, line="spawn",
         value="rss_kb_per_service", unit="KB", better="less"),
    _row("timer", "timers set", "timer", 100_000),
    _row("late", "mean lateness of 100,000 timers", "timer", 100_000, line="timer",
         value="mean_late_cs", unit="cs", better="less"),
    _row("wake", "call to a sleeping service", "wake", 100, value="mean_us", unit="us", better="less"),
    _row("handoff", "message while its sender stays busy", "handoff", 50, value="mean_us", unit="us", better="less"),
    _row("fair", "ping beside a flood, p99", "fair", 300_000, value="p99_us", unit="us", better="less"),
    _row("parallel", "plain Lua work", "parallel", 10_000_000, value="one", unit="s", better="less"),
    _row("speedup", "the same in two services at once", "parallel", 10_000_000, line="parallel",
         value="speedup", unit="x"),
    _row("idle", "idle node: CPU", "idle", 1, value="cpu_percent", unit="%", better="less"),
    _row("switches", "idle node: context switches", "idle", 1, line="idle",
         value="switches_per_sec", unit="/s", better="less"),
]

# What is aimed at (row: skynet where the aims were set, must, lead); "x" is times skynet on the same machine.
AIMS = {
    "call": ("75 k/s", "10x, half of the floor", "12x"),
    "pairs8": ("120 k/s", "8x", "12x"),
    "fanin8": ("75 k/s", "8x", "12x"),
    "send": ("165 k/s", "8x", "21x"),
    "ring1": ("90 k/s", "10x", "37x"),
    "ring64": ("300 k/s", "6x", "18x"),
    "pack": ("35 k/s", "1.7x", "2.5x"),
    "fork": ("670 k/s", "3x", "4x"),
    "spawn": ("3 k/s", "3x", "6x"),
    "memory": ("52 KB", "40 KB, luajit 60 KB", "30 KB, 45 KB"),
    "timer": ("300 k/s", "2x", "4x"),
    "late": ("1.9 cs", "0.6 cs", "0.5 cs"),
    "idle": ("1.2 %", "0.0 %", "0"),
    "switches": ("790 /s", "under 5 /s", "0"),
    "wake": ("56 us", "20 us", "12 us"),
    "handoff": ("3,500 us", "60 us", "20 us"),
    "fair": ("92 us", "no worse", "30 us"),
    "parallel": ("0.30 s", "1.1x, luajit 1/4", "luajit 1/8"),
}


def usual_options(scene):
    """The options of the first row that runs the scene; {} if none does."""
    return next((row.options for row in MESSAGES if row.scene == scene), {})


def scenes(rows):
    """[(scene, options, its rows)] in the order of the rows."""
    found = {}
    for row in rows:
        found.setdefault((row.scene, tuple(row.options.items())), []).append(row)
    return [(scene, dict(options), of_it) for (scene, options), of_it in found.items()]


@dataclass(frozen=True)
class Curve:
    """A figure against a size. `points` are (size, options of the scene)."""

    key: str
    title: str
    x_title: str
    scene: str
    points: list
    line: str
    value: str
    unit: str


POWERS = [10, 100, 1_000, 10_000, 100_000]
THREADS = [1, 2, 4, 8, 16]
BYTES = [16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576]


def curves(quick):
    """The scale of things; quick leaves out what takes long."""
    largest = 10_000 if quick else 100_000
    crowds = [size for size in POWERS if size <= largest]
    hops = 300_000 if quick else 2_000_000
    ring = [(size, {"n": hops, "w": 64, "services": size}) for size in crowds]
    spawn = [(size, {"n": size}) for size in crowds if size > 10]

    def threads(**options):
        return [(count, {**options, "thread": count}) for count in THREADS]

    # As many bytes at each size, within reason.
    payload = [(size, {"n": max(300, min(100_000, 200_000_000 // size) // (4 if quick else 1)), "bytes": size})
               for size in BYTES]
    # One worker: the flooded service cannot begin before the burst is complete.
    depth = [(size, {"n": 200_000 if quick else 1_000_000, "depth": size, "thread": 1}) for size in [1, *POWERS]]
    return [
        Curve("services", "Messages round a ring, 64 under way", "services in the ring", "ring", ring, "ring64",
              "per_sec", "/s"),
        Curve("spawn", "New services", "services started", "spawn", spawn, "spawn", "per_sec", "/s"),
        Curve("kill", "Ends of services", "services ended", "spawn", spawn, "kill", "per_sec", "/s"),
        Curve("memory", "Memory of an idle service", "services", "spawn", spawn, "spawn", "rss_kb_per_service", "KB"),
        Curve("threads_pairs", "Request/response, 8 pairs", "workers", "pairs",
              threads(n=200_000 if quick else 800_000, w=8), "pairs8", "per_sec", "/s"),
        Curve("threads_ring", "Ring of 256 services, 64 under way", "workers", "ring",
              threads(n=hops, w=64), "ring64", "per_sec", "/s"),
        Curve("threads_call", "Request/response, one pair", "workers", "call",
              threads(n=100_000 if quick else 400_000), "call", "per_sec", "/s"),
        Curve("bytes_rate", "Calls that carry a text there and back", "bytes of the text", "payload", payload,
              "payload", "per_sec", "/s"),
        Curve("bytes_volume", "The same, in megabytes", "bytes of the text", "payload", payload, "payload",
              "mb_per_sec", "MB/s"),
        Curve("depth", "One-way messages, one worker", "messages in the mailbox", "send", depth, "send",
              "per_sec", "/s"),
    ]


# Services of a crowd are counted with this when it is decided whether the machine has the memory for it.
KB_A_SERVICE = 130
