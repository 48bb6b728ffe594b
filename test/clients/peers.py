"""Peers of wsgate that go away, or stay, at the worst of times: every connection must end, and be reported.

Each runs in a thread of its own, so that the waits of all are one wait; that also shows that none of them holds up the
others. What the gates' watchdog has heard is asked over HTTP.
"""
import concurrent.futures
import itertools
import socket
import ssl
import struct
import sys
import time
import urllib.request

BASE = int(sys.argv[1])
WS, WSS, IDLE_WS, IDLE_WSS = (BASE + offset for offset in (8, 9, 10, 11))
BARE_WSS = None  # the gate WSS, to which the peer does not speak TLS
PATIENCE = 30  # seconds; the gates give a handshake 8, and libwebsockets gives bytes that are stuck 5
HEAD = (
    b"GET /chat HTTP/1.1\r\nHost: me\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
AT_ONCE = 40  # more would be too slow for the time that the gates give to a handshake
TEXT, CLOSE = 1, 8


def frame(opcode, payload):
    """A masked frame of up to 64 KB; the mask is zero."""
    return struct.pack(">BBH4x", 0x80 | opcode, 0x80 | 126, len(payload)) + payload


class Peer:
    """A client that reads only when it is told to."""

    def __init__(self, port):
        self.socket = socket.socket()
        # Bytes to this peer are soon stuck.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.tls = None

    def start_tls(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.until_done(self.tls.do_handshake)

    def until_done(self, step):
        while True:
            try:
                result = step()
                self.socket.sendall(self.outgoing.read())
                return result
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outgoing.read())
                self.incoming.write(self.receive())

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the gate has closed the connection")
        return data

    def send(self, data):
        if self.tls:
            self.tls.write(data)
            data = self.outgoing.read()
        self.socket.sendall(data)

    def read(self):
        return self.until_done(lambda: self.tls.read(65536)) if self.tls else self.receive()

    def open(self):
        self.send(HEAD)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.read()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close_notify(self):
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass  # it wants to read the answer
        self.socket.sendall(self.outgoing.read())

    def held_by_node(self):
        """Whether the other end is still open there; sockets that only the kernel cares about have no inode."""
        with open("/proc/net/tcp") as table:
            rows = [line.split() for line in table]
        return any(row[2].endswith(":%04X" % self.port) and row[9] != "0" for row in rows[1:])


def stay(_peer):
    pass


def say_close(peer):
    peer.send(frame(CLOSE, b"\x03\xe8"))


def say_close_and_half_close(peer):
    say_close(peer)
    peer.half_close()


def break_protocol(peer):
    peer.send(frame(3, b"?"))


ENDS = [Peer.half_close, Peer.reset, say_close, say_close_and_half_close, break_protocol]


def ends_for(port):
    return ENDS + [Peer.close_notify] if port in (WSS, IDLE_WSS) else ENDS


# ---- how far a connection gets before its end ----------------------------------------------------


def nothing(_peer):
    pass


def garbage_for_a_hello(peer):
    peer.socket.sendall(HEAD)


def half_a_hello(peer):
    peer.socket.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")


def half_a_head(peer):
    peer.send(HEAD[:40])


def no_upgrade(peer):
    peer.send(b"GET / HTTP/1.1\r\nHost: me\r\n\r\n")


def opened(peer):
    peer.open()


def more_than_waits_for_start(peer):
    peer.open()
    peer.send(frame(TEXT, b"x" * 60000) * 2)


def flooded(peer):
    peer.open()
    peer.send(frame(TEXT, b"flood"))
    time.sleep(0.5)  # the gate writes until the socket takes no more


def flooded_and_kicked(peer):
    peer.open()
    peer.send(frame(TEXT, b"flood and kick me"))
    time.sleep(0.5)


def kicked(peer):
    peer.open()
    peer.send(frame(TEXT, b"kick me"))


def cases():
    for port in WS, WSS:
        for begin in nothing, half_a_head, no_upgrade:
            for end in stay, Peer.half_close, Peer.reset:
                yield begin, port, end
        yield from itertools.product([opened, flooded], [port], ends_for(port))
        yield from itertools.product([kicked, flooded_and_kicked], [port], [stay] + ends_for(port))
    for begin in nothing, garbage_for_a_hello, half_a_hello:
        yield from itertools.product([begin], [BARE_WSS], [stay, Peer.half_close, Peer.reset])
    for port in IDLE_WS, IDLE_WSS:
        # Behind what is not read yet only the end of the stream is seen.
        silent = [Peer.half_close, Peer.reset, say_close_and_half_close]
        yield from itertools.product([opened, more_than_waits_for_start], [port], silent)


def run(begin, port, end):
    peer = Peer(port or WSS)
    if port in (WSS, IDLE_WSS):
        peer.start_tls()
    try:
        begin(peer)
        end(peer)
    except OSError:
        pass  # the gate was faster
    deadline = time.monotonic() + PATIENCE
    while peer.held_by_node():
        if time.monotonic() > deadline:
            return "the node still holds the connection"
        time.sleep(0.05)
    return None


def heard():
    with urllib.request.urlopen(f"http://127.0.0.1:{BASE + 1}/peers") as answer:
        return answer.read().decode()


def check(name, wrong):
    print(f"not ok - {name}\n# {wrong}" if wrong else f"ok - {name}", flush=True)


def main():
    jobs = list(cases())
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = [(job, pool.submit(run, *job)) for job in jobs]
        for (begin, port, end), result in running:
            what = f"{begin.__name__}, {end.__name__}".replace("_", " ")
            kind = "ws" if port in (WS, IDLE_WS) else "wss" if port else "wss, no TLS yet"
            check(f"{kind}: {what}: the connection ends", result.result())
    deadline = time.monotonic() + PATIENCE
    while (counts := heard().split())[0] != counts[1] and time.monotonic() < deadline:
        time.sleep(0.1)
    check("every connection that was opened is closed once", counts[0] != counts[1] and f"opened, closed: {counts}")


main()
