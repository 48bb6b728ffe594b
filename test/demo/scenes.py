"""The scenes: each is one function, given a folder (node.py); it raises when something is not as it should be."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import etcd
import mongo
import tokens
import websocket

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
SCENES = {}

WS_PORT, WEB_PORT, CONSOLE_PORT, RANK_PORT = 8888, 8889, 8000, 8090


def scene(*engines):
    def add(f):
        f.engines = engines or ("lua54", "luajit")
        f.needs = lambda: True
        SCENES[f.__name__] = f
        return f

    return add


def fetch(method, path, port=WEB_PORT, tls=False, body=None):
    if tls:
        link = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=ssl._create_unverified_context())
    else:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request(method, path, body)
    answer = link.getresponse()
    body = answer.read().decode()
    link.close()
    return answer.status, body


def console(*commands):
    """What the debug console answers to each command, as lists of lines."""
    answers = []
    with socket.create_connection(("127.0.0.1", CONSOLE_PORT), 10) as link:
        stream = link.makefile("rw")
        assert stream.readline() == "Welcome to skynet console\n"
        for command in commands:
            print(command, file=stream, flush=True)
            lines = []
            while not lines or not lines[-1].startswith("<CMD "):
                line = stream.readline()
                assert line, f"the console closed after {command!r}"
                lines.append(line.rstrip("\n"))
            assert lines.pop() == "<CMD OK>", (command, lines)
            answers.append(lines)
    return answers


def log_order(*texts):
    return [re.escape(text) for text in texts]


def start_demo(folder, *lines):
    node = folder.start("config.cfg", *lines)
    node.wait("web watchdog listen on 8889")
    return node


@scene()
def demo_boots(folder):
    node = start_demo(folder)
    node.wait_in_order(log_order("LAUNCH snlua bootstrap", "LAUNCH snlua launcher", "docstore: listens at 127.0.0.1:27017",
                                 "Server start", "websocket watchdog listen on 8888", "web watchdog listen on 8889"))
    main = node.wait(r"^\[(:[0-9a-f]{8})\] Server start")[1]
    node.wait(rf"^\[{main}\] KILL self")
    node.wait(r"^\[:00000002\] KILL self")
    assert node.runs()
    node.stop()


@scene()
def demo_web(folder):
    node = start_demo(folder)
    assert fetch("GET", "/hello/bob") == (200, "hello, bob")
    assert fetch("GET", "/hw") == (200, "someone said hello")
    assert fetch("POST", "/app/3/comments?comment=hi+there") == (200, "comment hi there created on app 3")
    assert fetch("GET", "/none") == (404, "404 Not found")
    assert fetch("GET", "/static/none") == (404, "404 Not found")
    status, page = fetch("GET", "/")
    assert status == 200 and "<title>WebSocket 示例</title>" in page and 'lang="zh-CN"' in page
    for part in ('id="inputBox"', 'id="outputBox"', 'id="sendButton"', "在此输入JSON字符串", "服务器返回的数据将显示在此处"):
        assert part in page, part
    assert not re.search(r'(src|href)="(https?:)?//', page), "the page needs something from elsewhere"
    assert fetch("GET", "/static/index.html")[1] == page
    node.stop(signal.SIGINT)


@scene()
def demo_console(folder):
    node = start_demo(folder)
    stats, names, commands = console("stat", "list", "help")
    gates = [line for line in stats if "ws_gate .ws_gate .ws_gate-slave-1)" in line]
    assert len(gates) == 1, stats
    assert re.match(r":[0-9a-f]{8}\s+cpu:[\d.]+\s+message:\d+\s+mqlen:\d+\s+task:\d+\s+xmem:[\d.]+ Kb \(sn(lua|jit) ", gates[0]), gates
    assert sum("ws_gate" in line for line in names) == 9, "one master and eight slaves"
    assert any(line.startswith("stat") for line in commands)
    node.stop()


def open_client(tls=False):
    """A WebSocket client with its agent, which sends a text back; what comes before it is there goes to the watchdog."""
    client, sent = websocket.connect(WS_PORT, tls=tls), 0
    while not sent or not client.comes(0.1):
        sent += 1
        client.send(f'"text {sent}"')
    for _ in range(int(json.loads(client.read()).split()[1]), sent):
        client.read()
    return client


@scene()
def demo_socket_without_database(folder):
    node = start_demo(folder, 'docstore = ""', 'db_conf_game = [[ { host = "127.0.0.1", port = 27017 } ]]')
    client = open_client()
    node.wait("ws handshake from: ")
    node.wait(r"loop_timer\.\.\.")
    client.send('{"any": ["JSON", 1.50]}')
    assert client.read() == '{"any": ["JSON", 1.50]}'
    client.send('{"name":"cs_login","data":{"acc":"bob"}}')
    answer = json.loads(client.read())
    assert answer["name"] == "sc_error" and answer["data"]["msg"].startswith("no database: "), answer
    client.close()
    node.wait(r"^socket (close|error)\t")
    node.stop()


def log_in(account):
    """A WebSocket client that has logged in, and how often that account has checked in."""
    client = open_client()
    client.send(json.dumps({"name": "cs_login", "data": {"acc": account}}))
    answer = json.loads(client.read())
    assert answer["name"] == "sc_login", answer
    return client, answer["data"]["sign_cnt"]


@scene()
def demo_role_outlives_the_node(folder):
    node = start_demo(folder)
    client, count = log_in("bob")
    assert count == 0
    client.send('{"name":"cs_sign"}')
    assert json.loads(client.read())["data"]["sign_cnt"] == 1
    client.send('{"name":"cs_logout"}')  # which saves
    assert client.read() == "null"
    client.close()
    node.stop()
    node = start_demo(folder)
    client, count = log_in("bob")
    assert count == 1, "the role of the node before"
    client.close()
    node.process.kill()
    node = start_demo(folder)
    assert log_in("bob")[1] == 1, "nor does it matter how that one ended"
    node.stop()


@scene()
def demo_with_the_store_port_in_use(folder):
    with socket.create_server(("127.0.0.1", 27017)):
        node = start_demo(folder)
        node.wait(r"docstore: cannot listen at 127\.0\.0\.1:27017: ")
        assert log_in("bob")[1] == 0, "the way inside of the process is there"
        node.stop()


@scene()
def demo_store_that_cannot_be_opened(folder):
    (folder.path / "var").mkdir()
    (folder.path / "var/demo.db").write_text("this is no database, whatever it is" * 100)
    node = folder.start("config.cfg")
    node.wait(r"docstore: cannot open var/demo\.db: file is not a database")
    assert node.process.wait(10) == 1


def run_page(script, argument):
    page = subprocess.run(["node", CLIENTS / script, str(argument)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=90)
    assert page.returncode == 0, page.stdout.decode(errors="replace")


@scene()
def demo_page(folder):
    for signed in (0, 1):
        node = start_demo(folder)
        run_page("demo_page.mjs", signed)
        node.stop()


def has_browser():
    return (shutil.which("node") and (CLIENTS / "node_modules/playwright-core").is_dir()
            and subprocess.run([CLIENTS / "find_browser"], stdout=subprocess.DEVNULL).returncode == 0)


demo_page.needs = has_browser


def rank_node(folder, *lines):
    node = folder.start("config.rank", *lines)
    node.wait("rank: ready")
    return node


@scene()
def rank_lists(folder):
    node = rank_node(folder)
    node.wait_in_order(log_order("rank: other nodes reach @rank at 127.0.0.1:8091", "Listen web port: 8090"))
    assert fetch("GET", "/ping", RANK_PORT) == (200, "pong")
    node.stop()


@scene()
def rank_page(folder):
    for restarted in (0, 1):
        node = rank_node(folder)
        run_page("rank_page.mjs", restarted)
        node.stop()


rank_page.needs = has_browser


@scene()
def rank_on_mongodb(folder):
    mongo.start(folder)
    server = ('docstore = ""', 'mongo = "mongodb://127.0.0.1:27017/"')
    node = rank_node(folder, *server)
    ada = {"uid": "ada", "score": 3, "info": {"level": [1, None]}}
    config = {"appname": "game", "config": [{"tag": "week", "capacity": 2, "order": "descending"}]}
    assert fetch("POST", "/setconfig", RANK_PORT, body=json.dumps(config)) == (200, '{"code":"OK"}')
    for player in (ada, {"uid": "bob", "score": 1}, {"uid": "cyd", "score": 2}):
        body = json.dumps({"appname": "game", "tags": ["week"], **player})
        assert fetch("POST", "/update", RANK_PORT, body=body) == (200, '{"code":"OK"}')
    node.stop()
    node = rank_node(folder, *server)
    status, text = fetch("GET", "/ranklist?appname=game&tag=week&start=1&count=10", RANK_PORT)
    assert json.loads(text) == {"code": "OK", "elements": [ada, {"uid": "cyd", "score": 2}]}, text
    node.stop()


rank_on_mongodb.needs = mongo.available


@scene()
def demo_over_tls(folder):
    subprocess.run([folder.root / "tools/make-cert", folder.path], check=True, stdout=subprocess.DEVNULL)
    node = start_demo(folder, "enablessl = true", 'ws_protocol = "wss"', 'web_protocol = "https"')
    assert fetch("GET", "/hello/bob", tls=True) == (200, "hello, bob")
    client = open_client(tls=True)
    client.send('{"secret": 1}')
    assert client.read() == '{"secret": 1}'
    client.close()
    node.stop()


def wait_until(what, holds):
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, f"not in 10 s: {what}"
        time.sleep(0.02)


@scene()
def demo_as_daemon(folder):
    lines = ('daemon = "./node.pid"', 'logger = "./node.log"')
    node = folder.start("config.cfg", *lines)
    assert node.process.wait(10) == 0, "the process that was started goes, another one stays"
    pid_file, log = folder.path / "node.pid", folder.path / "node.log"
    wait_until("the node is up", lambda: log.exists() and "web watchdog listen on 8889" in log.read_text())
    pid = int(pid_file.read_text())
    try:
        assert not re.search("LAUNCH sn(lua|jit) console", log.read_text()), "a daemon has no console"
        assert console("list")
        second = folder.start("config.cfg", *lines)
        second.wait(f"is already running, pid = {pid}")
        assert second.process.wait(10) == 1
        os.kill(pid, signal.SIGTERM)
        wait_until("the pid file is gone", lambda: not pid_file.exists())
        wait_until("the services have ended", lambda: log.read_text().count("KILL self") > 10)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@scene()
def demo_port_in_use(folder):
    with socket.create_server(("0.0.0.0", WS_PORT)):
        node = folder.start("config.cfg")
        node.wait(r"Can't start the service main, the option `start`: ")
        assert node.process.wait(10) == 1


@scene()
def demo_on_other_ports(folder):
    node = folder.start("config.cfg", "console_port = 8100", "ws_port = 8101", "web_port = 8102", 'demo_host = "127.0.0.2"')
    node.wait("Start debug console at 127.0.0.1:8100")
    node.wait("websocket watchdog listen on 8101")
    node.wait("web watchdog listen on 8102")
    page = urllib.request.urlopen("http://127.0.0.2:8102/", timeout=10).read().decode()
    assert "const WS_PORT = 8101;" in page, "the page finds its WebSocket"
    for port in (8101, 8102, WS_PORT, WEB_PORT, CONSOLE_PORT):
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except ConnectionRefusedError:
            continue
        raise AssertionError(f"somebody listens at 127.0.0.1:{port}")
    node.stop()


@scene()
def sdk(folder):
    node = folder.start("config.test-sdk")
    source = (folder.path / "test/test-sdk.lua").read_text()
    constant = dict(re.findall(r'local ([A-Z_]+) = "?(\w+)"?\n', source))
    signature = node.wait(r"test tencentyun ok\. imsig: (eA\S+)$")[1]
    tokens.check_tencent(signature, int(constant["SDK_APP_ID"]), "123456", constant["SDK_KEY"], 180 * tokens.DAY)
    token = node.wait(r"test agora ok\. rtctoken: (006c079635118154c9aad3a5e696423b5ca\S+)$")[1]
    tokens.check_agora(token, constant["APP_ID"], constant["APP_CERTIFICATE"], "channel", "123456", tokens.DAY)
    node.wait(r"^\[:00000008\] KILL self")
    node.stop()


@scene()
def snowflake(folder):
    node = folder.start("config.test-snowflake")
    node.wait(r"^\[:00000008\] KILL self")
    ids = [int(i) for i in re.findall(r"snowflake test: (\d+)$", node.text(), re.M)]
    assert len(set(ids)) == 10, ids
    assert [i >> 12 & 0xfff for i in ids] == list(range(1, 11)), "the agents in turn"
    assert all(len(str(i)) == 19 for i in ids)
    assert {p.name for p in folder.path.glob(".snowflake_*")} == {f".snowflake_{i}" for i in range(1, 11)}
    node.stop()


@scene()
def orderly_exit(folder):
    node = folder.start("config.test-exit")
    node.wait_in_order(log_order("in test1 exit1", "in test1 exit2", "KILL self", "exit ok. source: ", "in test2 exit1",
                                 "in test3 exit1", "in test3 exit2", "force kill in end_exit. address: ",
                                 "force kill in begin_exit. address: "), 20)
    time.sleep(3)
    assert not node.has("out test2 exit1") and not node.has("in test2 exit2")
    assert len(re.findall(r"exit ok\. source: \d+$", node.text(), re.M)) >= 3
    node.stop()


@scene()
def cjson(folder):
    node = folder.start("config.test-cjson")
    assert json.loads(node.wait(r'^(\{"[ab]".*\})$')[1]) == {"a": 1, "b": [3, 2, 3, 4]}
    node.wait(r"^\[:00000008\] KILL self")
    node.stop()


@scene("lua54")
def cjson_in_the_plain_interpreter(folder):
    done = subprocess.run(["3rd/lua/lua", "test/test-cjson.lua"], cwd=folder.path, check=True, capture_output=True)
    assert json.loads(done.stdout) == {"a": 1, "b": [3, 2, 3, 4]}


@scene()
def echo_client(folder):
    server = websocket.EchoServer(WS_PORT)
    node = folder.start("config.test2")
    node.wait(r"^>: hello world!\t\d+$")
    node.wait(r"^<: hello world!$")
    node.wait(r"^(?s:.*)<: hello world!\n(?s:.*)<: hello world!$")
    assert server.pings > 0
    server.close_client("enough")
    node.wait(r"^<: \[Close\] ")
    node.wait(r"^echo server close\.$")
    assert node.runs()
    node.stop()


@scene()
def echo_client_without_server(folder):
    node = folder.start("config.test2")
    node.wait(r"init service failed: (?s:.*)\[Socket Error\]")
    assert node.process.wait(10) == 1


@scene()
def places_without_database(folder):
    node = folder.start("config.test3", 'docstore = ""')
    node.wait(r"Can't start the service test/test3, the option `start`: ")
    assert node.process.wait(10) == 1


@scene()
def places(folder):
    mongo.start(folder)
    node = folder.start("config.test3")
    # Numbers of 64 bits come out whole: LuaJIT would show a table, or lose digits.
    node.wait_in_order([pattern for i in (1, 2, 3) for pattern in (
        rf'user: (\d{{15,19}}) .*acc="test{i}"', "set_location: true")])
    # This server has no places that are near others; a MongoDB has.
    node.wait(r"near: \d{15,19}|get_near_player failed. err: .*\$geoNear")
    assert not node.has("unknown config key")
    node.stop()


places.needs = mongo.available


@scene()
def text_check_without_network(folder):
    node = folder.start("config.test-qqapi")
    node.wait("init service failed: ", 60)
    assert node.process.wait(10) == 1


@scene()
def static_data(folder):
    node = folder.start("config.teststaticdata")
    node.wait_in_order(log_order("loadfile: ", "loadfiles ok", "agent test data: {", "login test data: {"))
    assert "gold=100," in node.wait(r"agent test data: (\{.*\})$")[1]
    (folder.path / "data/test/data1.lua").write_text("return { gold = 777 }\n")
    node.wait_in_order(log_order("sharetable_update agent", "sharetable data update ok. name: data/test/data1.lua",
                                 "agent test data: {gold=777,}"), 45)
    node.wait(r"^\[:00000008\] KILL self")
    node.stop()


@scene()
def snapshots(folder):
    node = folder.start("config.testexterndebug")
    node.wait_in_order(log_order("ret0: {}", "in test1", "ret1: {", "in test2", "ret2: {"))
    for name, other in (("test1", "test2"), ("test2", "test1")):
        found = node.wait(rf"ret{name[-1]}: (.*)$")[1]
        assert f'key="{name}"' in found and f'extra="{name}"' in found and 'val_type="table"' in found, found
        assert f'key="{other}"' not in found, found
    node.stop()


def run_dice(folder, config, binary):
    """An application of its own, laid out as those for skynet are, with the tree in the place of skynet."""
    app = folder.path / "app"
    shutil.copytree(folder.root / "test/apps/dice", app)
    (app / "skynet").symlink_to(folder.root)
    subprocess.run(["make", "-s"], cwd=app, check=True)
    node = folder.spawn(["./skynet/" + binary, "etc/" + config], cwd=app)
    for name in ("Ann", "Bob", "Cid"):
        node.wait(rf"{name} has \d+ points in 5 rounds$")
    node.wait(r"dice: sum \d+ agrees$")
    assert node.process.wait(10) == 0


@scene("lua54")
def application_beside_the_tree(folder):
    run_dice(folder, "config.dice", folder.binary.name)


@scene("lua54")
def application_behind_the_tree(folder):
    """The same with the tree's folders before its own, and the executable under skynet's name."""
    run_dice(folder, "config.skynet-first", "skynet")


@scene()
def etcd_client(folder):
    etcd.start(folder)
    node = folder.start("config.test-etcd")
    sections = ["testsetget", "testsetx", "testsetnx", "testgrant", "testrevoke", "testkeepalive"]
    node.wait_in_order([re.escape(f"------------{name} {what}") for name in sections for what in ("begin", "finished")]
                       + ["leases status: 200", "readdir status: 200", "rmdir status: 200"], 60)
    assert node.has(r'key hello is \{message="world",\}$') and not node.has(" failed:")
    for key, value, line in [("/foo/x", {"a": 2}, r"watchdir type:PUT key:/foo/x value:\{a=2,\}$"),
                             ("hello", "you", r'watch type:PUT key:hello value:"you"$')]:
        def is_seen():
            etcd.put(key, value)  # it begins to watch at some time
            time.sleep(0.1)
            return node.has(line)
        wait_until(line, is_seen)
    node.stop()


etcd_client.needs = etcd.available
