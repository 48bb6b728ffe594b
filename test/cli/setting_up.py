"""tools/setup and tools/setup-test, with package managers that are scripts; and tests that lack a program."""
import os
import shutil

from place import ROOT, once

# What is not installed, and what cannot be: patterns.
DPKG = '#!/bin/bash\nfor p in $INSTALLED; do echo "installed $p"; done\n'
APT = ('#!/bin/bash\n[[ $1 == install ]] || exit 0\nfor p in "$@"; do [[ $p == @($REFUSED) ]] && { echo "E: no package $p"; exit 100; }; done\n'
       'echo "$@" >> asked\n')
POLICY = '#!/bin/bash\n[[ $2 == @($REFUSED) ]] && echo "  Candidate: (none)" || echo "  Candidate: 1.0"\n'
NPM = '#!/bin/bash\necho npm "$@" >> asked\nexit ${NPM_STATUS:-0}\n'


def tools(place, **environment):
    """A copy of the tools beside such managers; a function that runs one of them."""
    for name in ("setup", "setup-test", "packages.sh"):
        (place.path / "tools").mkdir(exist_ok=True)
        shutil.copy(ROOT / "tools" / name, place.path / "tools" / name)
    (place.path / "test/clients").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "test/clients/package-lock.json", place.path / "test/clients")
    for name, text in {"dpkg-query": DPKG, "apt-get": APT, "apt-cache": POLICY, "npm": NPM, "sudo": '#!/bin/bash\nexec "$@"\n'}.items():
        place.write(f"bin/{name}", text).chmod(0o755)
    env = {**os.environ, "PATH": f"{place.path}/bin:/usr/bin:/bin", "INSTALLED": "", "REFUSED": "none-such", **environment}
    (place.path / "asked").write_text("")

    def run(name):
        status, said = place.run(f"tools/{name}", env=env)
        return status, said, (place.path / "asked").read_text()

    return run


@once
def setup_installs_what_building_needs_and_nothing_else(place):
    status, said, asked = tools(place)("setup")
    assert status == 0 and "liblua5.4-dev" in asked and "g++" in asked
    for name in ("chromium", "mariadb", "redis", "etcd", "clang", "gtest", "npm"):
        assert name not in asked, name


@once
def setup_that_fails_says_so(place):
    status, said, asked = tools(place, REFUSED="libfmt-dev")("setup")
    assert status == 1 and "E: no package libfmt-dev" in said and "apt-get failed" in said


@once
def setup_test_goes_on_without_what_it_cannot_get_and_names_it(place):
    installed = "libgtest-dev openssl libbenchmark-dev clang-14 lua-cjson"
    run = tools(place, INSTALLED=installed, REFUSED="chromium|etcd-server", NPM_STATUS="1")
    status, said, asked = run("setup-test")
    assert status == 0
    assert "could not get chromium (E: no package chromium): without it, tests with a browser cannot run" in said
    assert "could not get etcd-server" in said and "could not get the npm packages of test/clients" in said
    assert "mariadb-server" in asked and "gtest" not in asked and "could not get mariadb" not in said


@once
def setup_test_takes_the_name_that_the_system_has(place):
    status, said, asked = tools(place, REFUSED="libclang-rt-14-dev")("setup-test")
    assert "libclang-common-14-dev" in asked and "could not get libclang" not in said


@once
def setup_test_fails_without_what_every_test_needs(place):
    status, said, asked = tools(place, REFUSED="libgtest-dev")("setup-test")
    assert status == 1 and "could not get libgtest-dev" in said


@once
def test_clients_without_their_program_are_skipped_by_name(place):
    programs = ("bash timeout openssl python3 grep sed cat rm mkdir mktemp realpath dirname head tail sleep env nc").split()
    for name in programs:
        if found := shutil.which(name, path="/usr/bin:/bin"):
            (place.path / name).symlink_to(found)
    env = {**os.environ, "PATH": str(place.path), "LUACLIB": str(place.luaclib), "CSERVICE": str(place.cservice)}
    status, said = place.run(ROOT / "test/clients/run", "--engine", "lua54", place.bin, "page", "curl", "nc", env=env)
    assert status == 0 and "skip clients/page lua54: there is no " in said and "skip clients/curl lua54: there is no program curl" in said
    assert "0 failed" in said
