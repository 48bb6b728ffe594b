"""As much of WebSocket (RFC 6455) as the scenes need: a client, and an echo server."""
import base64
import contextlib
import hashlib
import os
import socket
import ssl
import struct
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


class Connection:
    def __init__(self, sock, masked):
        self.sock, self.masked, self.buffer = sock, masked, b""

    def take(self, count):
        while len(self.buffer) < count:
            part = self.sock.recv(65536)
            if not part:
                raise ConnectionError("the peer has gone")
            self.buffer += part
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def head(self):
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            text += self.take(1)
        return text

    def send(self, data, kind=TEXT):
        data = data.encode() if isinstance(data, str) else data
        size, mask_bit = len(data), 0x80 if self.masked else 0
        if size < 126:
            head = struct.pack("!BB", 0x80 | kind, mask_bit | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | kind, mask_bit | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, mask_bit | 127, size)
        if self.masked:
            mask = os.urandom(4)
            head, data = head + mask, bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        self.sock.sendall(head + data)

    def frame(self):
        """(kind, payload) of the next frame."""
        first, second = self.take(2)
        size = second & 127
        if size == 126:
            size, = struct.unpack("!H", self.take(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.take(8))
        mask = self.take(4) if second & 0x80 else bytes(4)
        return first & 15, bytes(b ^ mask[i % 4] for i, b in enumerate(self.take(size)))

    def read(self):
        """The next message as text; None when the peer closes."""
        while True:
            kind, payload = self.frame()
            if kind == TEXT:
                return payload.decode()
            if kind == CLOSE:
                return None

    def comes(self, seconds):
        """Whether something to read is there, or comes within so many seconds."""
        if not self.buffer:
            patience = self.sock.gettimeout()
            self.sock.settimeout(seconds)
            with contextlib.suppress(socket.timeout):
                self.buffer = self.sock.recv(65536)
            self.sock.settimeout(patience)
        return bool(self.buffer)

    def close(self):
        self.sock.close()


def connect(port, path="/", tls=False):
    sock = socket.create_connection(("127.0.0.1", port), 10)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = context.wrap_socket(sock)
    key = base64.b64encode(os.urandom(16))
    sock.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (path.encode(), port, key))
    connection = Connection(sock, masked=True)
    head = connection.head()
    assert head.startswith(b"HTTP/1.1 101 "), head
    assert accept_key(key) in head, head
    return connection


class EchoServer:
    """Sends every message back. Counts pings."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.client, self.pings = None, 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        sock, _ = self.listener.accept()
        connection = Connection(sock, masked=False)
        key = [line.split(b":", 1)[1].strip() for line in connection.head().split(b"\r\n")
               if line.lower().startswith(b"sec-websocket-key:")][0]
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + accept_key(key) + b"\r\n\r\n")
        self.client = connection
        while True:
            try:
                kind, payload = connection.frame()
            except (ConnectionError, OSError):
                return
            if kind == TEXT:
                connection.send(payload)
            elif kind == PING:
                self.pings += 1
                connection.send(payload, PONG)

    def close_client(self, reason):
        self.client.send(struct.pack("!H", 1000) + reason.encode(), CLOSE)
        self.client.sock.shutdown(socket.SHUT_WR)
