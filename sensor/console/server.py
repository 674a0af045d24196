"""The console's server: one thread with its own event loop, over TLS where a certificate is given.

Requests run on the pool of threads that Starlette keeps. Headers from proxies are not believed: the address of whoever
signs in is the connection's.
"""

import socket
import threading
import time

from sensor.console.app import application
from sensor.console.visit import Desk

CONNECTIONS = 200
"""A hundred people's browsers; more are told to come back (503)."""
HEAD_MAX = 32_768
START_S = 10.0
DRAIN_S = 2


class Served:
    """The console while it listens.

    Attributes:
        address: Where it listens, `http://127.0.0.1:8477`.
        desk: What it serves.
    """

    def __init__(self, desk: Desk, host: str, port: int, cert: str = "", key: str = "") -> None:
        """Listen. Raises OSError where the address is taken or the certificate cannot be read."""
        import uvicorn

        self.desk = desk
        config = uvicorn.Config(
            application(desk), log_config=None, access_log=False, lifespan="off", server_header=False,
            proxy_headers=False, ws="none", http="h11", loop="asyncio", limit_concurrency=CONNECTIONS,
            h11_max_incomplete_event_size=HEAD_MAX, timeout_graceful_shutdown=DRAIN_S, ssl_certfile=cert or None,
            ssl_keyfile=key or None,
        )  # fmt: skip
        config.load()
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http{'s' if cert else ''}://{shown}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="console", daemon=True
        )
        self._thread.start()
        until_s = time.monotonic() + START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until_s:
            time.sleep(0.01)

    def close(self, drain_s: float) -> None:
        """Stop listening, after requests that are being answered, within a time."""
        self._server.should_exit = True
        self._thread.join(max(drain_s, 0.5))
        self._socket.close()
