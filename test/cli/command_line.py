"""What is asked for on the command line."""
import re
import subprocess

from place import ROOT, each_engine, once

PRINTS = ('local skynet = require "skynet"\nrequire "skynet.manager"\nskynet.start(function()\n'
          'print("got", skynet.getenv "thread", skynet.getenv "mine", skynet.getenv "derived") skynet.abort()\nend)\n')


@once
def without_a_config_the_usage_names_the_executable_as_it_was_called(place):
    (place.path / "my-node").symlink_to(place.bin)
    status, said = place.run("./my-node")
    assert status == 1 and said.splitlines()[-1] == "usage: ./my-node CONFIG [key=value ...]", said
    status, said = place.run("./my-node", "--frobnicate")
    assert status == 1 and "no option --frobnicate" in said


@once
def help_is_no_failure_and_names_every_form(place):
    status, said = place.run(place.bin, "--help")
    assert status == 0
    for form in ("CONFIG [key=value ...]", "check CONFIG", "new DIR", "--version"):
        assert form in said, form


@once
def version_tells_version_commit_engines_and_libraries(place):
    status, said = place.run(place.bin, "--version")
    assert status == 0
    assert said.startswith(f"skynet-runtime {(ROOT / 'VERSION').read_text().strip()} (commit ")
    assert re.search(r"engines: Lua 5\.4\.\d+, LuaJIT 2\.1", said) and re.search(r"OpenSSL \d", said)


@each_engine
def key_value_takes_the_place_of_what_the_config_says(place):
    place.write("work.lua", PRINTS)
    config = place.config('start = "work"', 'derived = (given or "not ") .. "given"')
    status, said = place.run(place.bin, config, "thread=3", "mine=a=b", "given=is ", "mine=last", "alone")
    assert status == 0 and "got\t3\tlast\tis given" in said, said
    assert "ignored on the command line: alone is no key=value" in said


@once
def numbers_that_are_none_are_refused_by_name_and_told_by_check(place):
    place.write("work.lua", PRINTS)
    config = place.config('start = "work"')
    wrong = ["thread=none", "busy_wait=1001", "socket_threads=0", "flush_timeout=1.5", "engine=lua55"]
    told = ["Invalid thread none , should be in [1,1024]", "Invalid busy_wait 1001 , should be in [0,1000]",
            "Invalid socket_threads 0 , should be in [1,64]", "Invalid flush_timeout 1.5 , should be in [0,6000]",
            "Invalid engine lua55 , should be lua54 or luajit"]
    for command in [config], ["check", config]:
        status, said = place.run(place.bin, *command, *wrong)
        assert status == 1 and all(line in said for line in told), said
        assert "got" not in said
    status, said = place.run(place.bin, config, "thread=8/4", "busy_wait=0")
    assert status == 1 and "Invalid thread 8/4" in said, said
    status, said = place.run(place.bin, config, "thread=2.0", "busy_wait=0")
    assert status == 0, said


@once
def a_key_that_looks_misspelt_is_warned_of_at_the_start(place):
    place.write("work.lua", PRINTS)
    status, said = place.node('start = "work"', "thred = 4", "lua_pth = 1", "mine = 7", "of_the_game = 1")
    assert status == 0
    assert "unknown config key thred; did you mean thread?" in said
    assert "unknown config key lua_pth; did you mean lua_path?" in said
    assert "mine;" not in said and "of_the_game" not in said


@once
def every_key_that_the_tree_asks_for_is_known_to_check(place):
    asks = re.compile(r'(?:getenv *\(?|environment(?:\(\))?\.get\(|environment, )"(\w+)"')
    keys = set()
    for folder in "lualib", "service", "runtime-src", "lualib-src":
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".lua", ".cc"):
                keys.update(key for key in asks.findall(path.read_text()) if key.islower())
    assert {"logger", "websocket_strict", "cluster_timeout"} <= keys, keys
    place.write("work.lua", "")
    _, said = place.run(place.bin, "check", place.config('start = "work"', *(f'{key} = {key} or "1"' for key in sorted(keys))))
    assert "application's own" not in said, said


@each_engine
def check_compiles_what_the_config_names_and_what_that_names(place):
    place.write("work.lua", 'local skynet = require "skynet"\nlocal a = require "part.one"\nskynet.newservice("other")\n'
                            '-- require "commented"\nrequire "optional"\nprint "never runs"\n')
    place.write("part/one.lua", "return 1")
    place.write("other.lua", "local = 2")
    status, said = place.run(place.bin, "check", place.config('start = "work"', "thred = 4", "mine = 1"))
    assert status == 1 and "error: ./other.lua:1:" in said and "(named by ./work.lua:3)" in said
    assert "warning: unknown config key thred; did you mean thread?" in said
    assert "note: the key mine is the application's own" in said
    assert "warning: ./work.lua:5: no module optional in" in said and "commented" not in said
    assert "never runs" not in said and "1 errors, 2 warnings" in said
    place.write("other.lua", "return 2")
    status, said = place.run(place.bin, "check", "config", "thred=")
    assert status == 0 and " 0 errors" in said


@once
def check_tells_each_thing_that_a_node_would_fail_with(place):
    status, said = place.run(place.bin, "check", "nothing_here")
    assert status == 1 and "nothing_here: No such file" in said
    status, said = place.run(place.bin, "check", place.config('start = "nix"', 'logservice = "none"', 'preload = "./p.lua"'))
    assert status == 1 and "start: no service nix in ./?.lua" in said and "logservice: no C service none" in said
    assert "cannot open ./p.lua" in said


@once
def check_reads_each_source_for_the_engine_that_runs_it(place):
    place.write("work.lua", 'require "skynet".newservice "fast"')
    place.write("fast.lua", "local a = 7 // 2")
    config = place.config('start = "work"', 'luajit = "fast"')
    status, said = place.run(place.bin, "check", config)
    assert status == 1 and "./fast.lua:1:" in said
    status, said = place.run(place.bin, "check", config, "luajit=")
    assert status == 0, said


@once
def check_finds_nothing_wrong_with_the_demo(place):
    status, said = place.run(place.bin, "check", "etc/config.cfg", cwd=ROOT)
    assert status == 0 and "error:" not in said and "unknown config key" not in said


@each_engine
def a_new_project_runs_and_its_test_passes(place):
    status, said = place.run(place.bin, "new", "game")
    assert status == 0 and "make test" in said
    game = place.path / "game"
    env = {"PATH": "/usr/bin:/bin", "MAKEFLAGS": ""}  # without an installed runtime
    with (game / "config").open("a") as config:
        config.write(f'engine = "{place.engine}"\n')
    status, said = place.run("make", "test", cwd=game, env=env)
    assert status == 0 and "hello_test: 1 passed, 0 failed" in said
    status, said = place.run("make", "check", cwd=game, env=env)
    assert status == 0 and " 0 errors, 0 warnings" in said
    node = subprocess.Popen([place.bin, "config"], cwd=game, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    try:
        assert any("hello, world" in line for line in node.stdout)
    finally:
        node.terminate()
        node.communicate(timeout=place.seconds)
    (game / "service/hello.lua").write_text("local = 1")
    status, said = place.run("make", "test", cwd=game, env=env)
    assert status != 0 and "hello.lua:1:" in said


@once
def a_folder_that_has_something_in_it_is_left_alone(place):
    place.write("game/mine", "precious")
    status, said = place.run(place.bin, "new", "game")
    assert status == 1 and "game is there already" in said
    assert [f.name for f in (place.path / "game").iterdir()] == ["mine"]
    status, said = place.run(place.bin, "new", "game/mine/below")
    assert status == 1 and "game/mine/below" in said


@once
def a_config_without_paths_finds_the_tree_from_any_folder(place):
    place.write("service/work.lua", PRINTS)
    place.write("bare", 'harbor = 0\nstart = "work"\nmine = ("a"):rep(3):upper()\n')
    status, said = place.run(place.bin, "bare")
    assert status == 0 and "got\t8\tAAA\tnil" in said
