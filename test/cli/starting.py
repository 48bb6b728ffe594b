"""A node that cannot do its work says so, and ends with a status of its own."""
from place import each_engine, once

RAISES = 'local skynet = require "skynet"\nskynet.start(function() error "no luck" end)\n'
ABORTS = 'local skynet = require "skynet"\nrequire "skynet.manager"\nskynet.start(function() %s end)\n'


def ends_with_reason(place, reason, *lines):
    status, said = place.node(*lines)
    assert status == 1, status
    assert sum(reason in line for line in said.splitlines() if line.startswith("[:")) == 1, "one line says why"


@each_engine
def a_start_service_that_raises_ends_the_node(place):
    place.write("raises.lua", RAISES)
    ends_with_reason(place, "Can't start the service raises, the option `start`: ./raises.lua:2: no luck", 'start = "raises"')


@each_engine
def the_hint_to_use_lua_5_4_is_given_for_what_that_reads(place):
    for source, hint in [("local x <const> = 1 error 'it runs'\n", "the source needs Lua 5.4: name its service in the config key 'lua54'"),
                         ("local x = = 1\n", None),
                         ("local x <const> = 1\ny = = 1\n", "on Lua 5.4: ./slip.lua:2: unexpected symbol near '='")]:
        place.write("slip.lua", source)
        status, said = place.node('start = "slip"')
        assert status == 1
        if place.engine == "luajit" and hint:
            assert "hint: this is LuaJIT, which reads Lua 5.1; " + hint in said, source
        else:
            assert "hint:" not in said, source


@each_engine
def a_start_service_that_does_not_exist_ends_the_node(place):
    ends_with_reason(place, "Can't start the service nix, the option `start`: cannot open ./nix.lua", 'start = "nix"')


@each_engine
def a_start_service_that_is_killed_while_it_starts_ends_the_node(place):
    place.write("killed.lua", ABORTS % "skynet.kill(skynet.self()) skynet.wait()")
    ends_with_reason(place, "Can't start the service killed, the option `start`: it was killed", 'start = "killed"')


@each_engine
def services_that_run_already_end_in_order(place):
    place.write("child.lua", 'local skynet = require "skynet"\nrequire("skynet.debug").reg_debugcmd("EXIT", function()\n'
                             'skynet.error "child ends" skynet.exit() end)\nskynet.start(function() end)\n')
    place.write("parent.lua", 'local skynet = require "skynet"\nskynet.start(function()\n'
                              'skynet.newservice "child" error "too late" end)\n')
    status, said = place.node('start = "parent"')
    assert status == 1 and "child ends" in said and "./parent.lua:3: too late" in said, status


@each_engine
def a_start_service_that_exits_after_its_work_is_no_failure(place):
    place.write("child.lua", ABORTS % "skynet.timeout(1, skynet.abort)")
    place.write("leaves.lua", 'local skynet = require "skynet"\n'
                              'skynet.start(function() skynet.newservice "child" skynet.exit() end)\n')
    status, said = place.node('start = "leaves"')
    assert status == 0 and "Can't start" not in said, status


@each_engine
def a_start_service_that_ends_the_node_while_it_starts_is_no_failure(place):
    place.write("aborts.lua", ABORTS % "skynet.abort()")
    status, said = place.node('start = "aborts"')
    assert status == 0 and "Can't start" not in said, status


@each_engine
def keep_running_keeps_the_node_up(place):
    """As skynet does: who ends it here is a service that the preload has left behind."""
    place.write("waits.lua", ABORTS % "skynet.timeout(20, function() skynet.error 'still up' skynet.abort() end)")
    place.write("raises.lua", 'local skynet = require "skynet"\n'
                              'skynet.start(function() skynet.newservice "waits" error "no luck" end)\n')
    status, said = place.node('start = "raises"', "keep_running = true")
    assert status == 0, status
    assert said.index("Can't start the service raises") < said.index("still up")


@each_engine
def a_harbor_without_its_services_ends_the_node(place):
    ends_with_reason(place, "Can't launch cslave: cannot open ./cslave.lua", "harbor = 1", 'luaservice = "./?.lua;./boot/?.lua"',
                     *only_boot_services(place))


def only_boot_services(place):
    """The tree's services but those of a network of nodes."""
    from place import ROOT
    for name in ("bootstrap", "launcher", "cdummy", "datacenterd", "service_mgr"):
        place.write(f"boot/{name}.lua", (ROOT / f"service/{name}.lua").read_text())
    return []


@each_engine
def a_standalone_without_a_harbor_ends_the_node(place):
    ends_with_reason(place, "standalone is set, but harbor is 0", 'standalone = "127.0.0.1:1"')


@each_engine
def a_bootstrap_that_does_not_load_ends_the_node(place):
    status, said = place.node('bootstrap = "snlua nix"')
    assert status == 1 and "cannot open ./nix.lua" in said, status


@each_engine
def a_missing_loader_ends_the_node(place):
    status, said = place.node('lualoader = "./nix.lua"')
    assert status == 1 and "Can't load ./nix.lua" in said, status


@once
def a_log_in_a_file_leaves_the_reason_on_the_standard_error_too(place):
    place.write("raises.lua", RAISES)
    status, said = place.node('start = "raises"', 'logger = "./log"')
    assert status == 1, status
    assert said == "Can't start the service raises, the option `start`: ./raises.lua:2: no luck\n", said
    assert said in (place.path / "log").read_text()


@each_engine
def a_log_service_that_fails_ends_the_node_also_when_the_launcher_runs_already(place):
    place.write("fails.lua", 'local till = os.clock() + 0.3\nrepeat until os.clock() > till\nerror "no log today"\n')
    place.write("waits.lua", 'require("skynet").start(function() end)\n')
    status, said = place.node('start = "waits"', 'logservice = "snlua"', 'logger = "fails"')
    assert status == 1 and "./fails.lua:3: no log today" in said and "Can't launch the log service" in said, status


@each_engine
def standard_files_may_be_closed(place):
    """What a node prints is not to end up in its pipe of signals, nor in a socket."""
    place.write("prints.lua", ABORTS % 'for i = 1, 30 do print(i) io.stderr:write(string.char(i)) end\n'
                                       'skynet.timeout(20, function() io.open("done", "w"):close() skynet.abort() end)')
    config = place.config('start = "prints"')
    for closed in "<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-":
        status, _ = place.run("sh", "-c", f'exec "$0" "$1" {closed}', place.bin, config)
        assert status == 0 and (place.path / "done").exists(), (closed, status)
        (place.path / "done").unlink()


@each_engine
def globals_may_be_strict(place):
    """As many games have it: a read or a write of an undefined global is an error, in every service."""
    place.write("strict.lua", 'local function refuse(_, name) error("the global " .. tostring(name), 2) end\n'
                              'setmetatable(_G, { __index = refuse, __newindex = refuse })\n')
    place.write("nodes.lua", 'one = "127.0.0.1:1"\n')
    place.write("works.lua", ABORTS % """
        for module in ("skynet.socket skynet.queue skynet.cluster skynet.sharedata skynet.multicast skynet.snax http.httpc "
            .. "http.websocket snax.gateserver skynet.db.redis skynet.db.mysql skynet.db.mongo skynet.remotedebug int64 "
            .. "skynet.dns db rank.info"):gmatch "%S+" do require(module) end
        require("skynet.service").new("own", function() end)
        skynet.newservice("debug_console", 0)
        assert(skynet.getenv "thread" and skynet.engine)
        local yield = coroutine.yield
        local waits = coroutine.create(function() local x = 5 yield(x) end) -- knows no globals
        coroutine.resume(waits)
        assert(require "skynet.injectcode"("x", waits, 1))
        skynet.abort()
    """)
    status, said = place.node('start = "works"', 'preload = "./strict.lua"', 'cluster = "./nodes.lua"')
    assert status == 0 and "the global" not in said, status
