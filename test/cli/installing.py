"""The tree installed, and in the place of a skynet folder."""
import os

from place import ROOT, Skip, once

WORKS = ('local skynet = require "skynet"\nrequire "skynet.manager"\nlocal crypt = require "skynet.crypt"\n'
         'skynet.start(function() print("it works", crypt.hexencode "a", skynet.getenv "root") skynet.abort() end)\n')


def need_the_release(place):
    if place.bin != str(ROOT / "runtime"):
        raise Skip("what is installed and linked is the release")


@once
def an_installed_runtime_works_in_any_folder(place):
    need_the_release(place)
    place.seconds *= 10  # it may have to link once more
    env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    status, said = place.run("make", "-s", "install", f"PREFIX={place.path}/usr", "NO_COMPDB=1", cwd=ROOT, env=env)
    assert status == 0
    runtime = place.path / "usr/bin/skynet-runtime"
    place.write("game/service/work.lua", WORKS)
    place.write("game/config", 'harbor = 0\nstart = "work"\n')
    status, said = place.run(runtime, "config", cwd=place.path / "game")
    assert status == 0 and "it works\t61" in said
    status, said = place.run(runtime, "new", "mine")
    assert status == 0
    status, said = place.run("make", "test", cwd=place.path / "mine", env={"PATH": f"{runtime.parent}:/usr/bin:/bin"})
    assert status == 0 and "hello_test: 1 passed, 0 failed" in said and "skynet-runtime config" in said
    status, said = place.run(runtime)
    assert status == 1 and f"usage: {runtime} CONFIG" in said


@once
def the_packages_that_an_image_needs_are_told(place):
    need_the_release(place)
    status, said = place.run(ROOT / "tools/runtime-packages")
    assert status == 0, said
    packages = said.split()
    assert packages == sorted(set(packages))
    # What compiles has no place there.
    assert "libc6" in packages and not any(name.endswith("-dev") or name == "g++" for name in packages), said


@once
def a_folder_with_links_stands_for_a_skynet_folder_from_inside_too(place):
    need_the_release(place)
    status, said = place.run(ROOT / "tools/link-into", "app/skynet")
    assert status == 0, said
    place.write("app/game/work.lua", WORKS)
    place.write("app/game/config", """root = "./"
luaservice = "../game/?.lua;" .. root .. "service/?.lua"
lualoader = root .. "lualib/loader.lua"
lua_path = root .. "lualib/?.lua;" .. root .. "lualib/?/init.lua"
lua_cpath = root .. "luaclib/?.so"
cpath = root .. "cservice/?.so"
harbor = 0
start = "work"
""")
    status, said = place.run("./skynet", "../game/config", cwd=place.path / "app/skynet")
    assert status == 0 and "it works\t61\t./" in said
    assert (place.path / "app/skynet/skynet-src/skynet.h").is_file() and (place.path / "app/skynet/3rd/lua/lua.h").is_file()
    place.write("app/seri.c", '#include <lua.h>\n#include "lua-seri.h"\nint pack(lua_State *L) { return luaseri_pack(L); }\n')
    for skynet in "app/skynet", ROOT:
        status, said = place.run("cc", "-fsyntax-only", "-Werror", f"-I{skynet}/3rd/lua", f"-I{skynet}/lualib-src", "app/seri.c")
        assert status == 0, said
    assert not (place.path / "app/skynet/luaclib").is_symlink(), "an application's own modules do not land in the tree"
    status, said = place.run(ROOT / "tools/link-into", "app/skynet")
    assert status == 1 and "is there already" in said
