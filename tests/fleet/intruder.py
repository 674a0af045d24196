"""Who has a site's key and certificate, and speaks the leaf node's protocol himself: no server of his own stops him.

https://docs.nats.io/reference/reference-protocols/nats-protocol/leaf-protocol
"""

import contextlib
import json
import select
import socket
import ssl
import time


class Intruder:
    """A connection to the hub's port for leaf nodes; what is written once the server has closed it goes nowhere.

    Attributes:
        heard: (subject, payload) of what was delivered.
        refused: Errors that the server told.
    """

    def __init__(self, port, tls, name, **claims):
        self.heard, self.refused, self._left = [], [], b""
        plain = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.info = json.loads(self._line(plain).removeprefix(b"INFO "))
        context = ssl.create_default_context(cafile=tls / "ca.pem")
        if name:
            context.load_cert_chain(tls / f"{name}.pem", tls / f"{name}.key")
        try:
            self._socket = context.wrap_socket(plain, server_hostname="localhost")
        finally:
            plain.close()
        said = {"tls_required": True, "name": "intruder", "server_id": "N" * 56, "headers": True, **claims}
        self._write(b"CONNECT " + json.dumps(said).encode() + b"\r\nPING\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def subscribe(self, subject):
        """Say that messages of a subject are wanted."""
        self._write(f"LS+ {subject}\r\n".encode())

    def publish(self, subject, payload, reply=""):
        """Send a message."""
        head = f"LMSG {subject} {reply + ' ' if reply else ''}{len(payload)}\r\n".encode()
        self._write(head + payload + b"\r\n")

    def listen(self, seconds):
        """Take what comes for a time; False where the server closed the connection."""
        until_s = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            while time.monotonic() < until_s:
                if not (self._socket.pending() or select.select([self._socket], [], [], 0.05)[0]):
                    continue
                got = self._socket.recv(1 << 16)
                if not got:
                    return False
                self._left += got
                while self._take():
                    pass
            return True
        return False

    def _write(self, content):
        with contextlib.suppress(OSError):
            self._socket.sendall(content)

    def _take(self):
        """Take one operation from what came; False where it is not whole yet."""
        line, end, rest = self._left.partition(b"\r\n")
        if not end:
            return False
        word, *words = line.split()
        if word == b"LMSG":
            size = int(words[-1])
            if len(rest) < size + 2:
                return False
            self.heard.append((words[0].decode(), rest[:size]))
            rest = rest[size + 2 :]
        elif word == b"PING":
            self._write(b"PONG\r\n")
        elif word == b"-ERR":
            self.refused.append(line.decode())
        self._left = rest
        return True

    @staticmethod
    def _line(plain):
        got = b""
        while not got.endswith(b"\r\n"):
            one = plain.recv(1)
            assert one, "closed before it said anything"
            got += one
        return got
