"""A server on loopback for as long as a test needs it."""

import contextlib
import socketserver
import threading


class Server(socketserver.ThreadingTCPServer):
    """One thread a client; clients that go away are part of the game."""

    allow_reuse_address = daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing."""


@contextlib.contextmanager
def served(server):
    """Serve until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
