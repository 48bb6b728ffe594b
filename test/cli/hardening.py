"""What the linker and the compiler have put into the executable and the shared objects against attacks."""
import subprocess
from pathlib import Path

from place import Skip, once


def objects(place):
    """The executable and every shared object of ours."""
    found = [Path(place.bin), *place.luaclib.rglob("*.so"), *place.cservice.glob("*.so")]
    assert any(f.name == "wsgate.so" for f in found) and any("jit" in f.parts for f in found), found
    return found


def readelf(option, file):
    return subprocess.run(["readelf", "-W", option, file], capture_output=True, text=True, check=True).stdout


@once
def everything_is_bound_at_the_start_and_read_only_then(place):
    for file in objects(place):
        dynamic, segments = readelf("-d", file), readelf("-l", file)
        assert "BIND_NOW" in dynamic, f"{file}: bound late"
        assert "GNU_RELRO" in segments, f"{file}: no RELRO"
        assert "TEXTREL" not in dynamic and "RPATH" not in dynamic and "RUNPATH" not in dynamic, file
        stack = next(line for line in segments.splitlines() if "GNU_STACK" in line)
        assert " RWE " not in stack, f"{file}: code may run on the stack"


@once
def the_executable_is_loaded_anywhere(place):
    assert "DYN (" in readelf("-h", place.bin), "not position-independent"


def undefined_symbols(file):
    """What it takes from the C library."""
    return subprocess.run(["nm", "-D", "--undefined-only", file], capture_output=True, text=True, check=True).stdout


@once
def overruns_of_buffers_and_stacks_end_the_process(place):
    if Path(place.bin).name != "runtime":
        raise Skip("a sanitized build has checks of its own")
    # A module whose functions have no buffer on the stack, or hand the C library none, has no check to call.
    symbols = {file: undefined_symbols(file) for file in objects(place)}
    for check in ("__stack_chk_fail", "__memcpy_chk"):
        assert check in symbols[Path(place.bin)], f"the executable has no {check}"
    for name in ("wsgate.so", "ltls.so"):
        file = next(f for f in symbols if f.name == name)
        assert "__stack_chk_fail" in symbols[file], f"{file} has no __stack_chk_fail"
