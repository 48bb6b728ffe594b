"""A real etcd for the scenes: one server with authentication on, and what asks it over its JSON gateway."""
import base64
import json
import shutil
import time
import urllib.error
import urllib.request

URL = "http://127.0.0.1:2379"


def available():
    return shutil.which("etcd") is not None


def post(path, body, token=None):
    headers = {"Authorization": token} if token else {}
    request = urllib.request.Request(URL + "/v3" + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def start(folder):
    """Starts the server in a folder (node.py), with user root, password 123456."""
    folder.spawn(["etcd", "--data-dir", "etcd-data", "--listen-client-urls", URL, "--advertise-client-urls", URL])
    end = time.monotonic() + 20
    while True:
        try:
            post("/kv/range", {"key": "AA=="})
            break
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < end, "etcd does not start"
            time.sleep(0.1)
    post("/auth/user/add", {"name": "root", "password": "123456"})
    post("/auth/role/add", {"name": "root"})
    post("/auth/user/grant", {"user": "root", "role": "root"})
    post("/auth/enable", {})


def put(key, value):
    token = post("/auth/authenticate", {"name": "root", "password": "123456"})["token"]
    encode = lambda text: base64.b64encode(text.encode()).decode()
    post("/kv/put", {"key": encode(key), "value": encode(json.dumps(value))}, token)
