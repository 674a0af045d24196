"""A server on loopback that answers as Graph, Okta, Google and a webhook do when something is to be changed.

It keeps what it was told, and misbehaves as it is told: a status by its number, `drop` (no answer), `done-drop` (does
it, and gives no answer).
"""

import contextlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Vendors:
    """What the products hold."""

    def __init__(self):
        self.enabled, self.valid_from, self.lag = True, "2020-01-01T00:00:00Z", 0
        self.rules = [{"id": "r1", "displayName": ".", "actions": {"moveToFolder": "x"}, "hasError": False}]
        self.messages = {"m1": "inbox"}
        self.okta_status, self.okta_log = "ACTIVE", []
        self.suspended, self.signed_out, self.is_admin = False, 0, True
        self.hooks, self.done = [], set()
        self.faults, self.asked, self.now = [], [], "2024-03-01T12:00:00Z"
        self.url = ""


def _graph(held, method, path, query, body):
    if path.endswith("/memberOf"):
        role = {"@odata.type": "#microsoft.graph.directoryRole", "displayName": "User Administrator"}
        return 200, {"value": [role, {"@odata.type": "#microsoft.graph.group", "displayName": "All"}]}
    if path.endswith("/revokeSignInSessions"):
        held.pending = held.now
        if held.lag == 0:
            held.valid_from = held.now
        return 200, {"value": True}
    if path.endswith("/messageRules"):
        if method == "POST":
            held.rules.append({**body, "id": "r9"})
            return 201, held.rules[-1]
        return 200, {"value": held.rules}
    if "/messageRules/" in path:
        held.rules = [one for one in held.rules if one["id"] != path.rpartition("/")[2]]
        return 204, None
    if path.endswith("/move"):
        held.messages[path.split("/")[-2]] = body["destinationId"]
        return 201, {"id": path.split("/")[-2]}
    if path.endswith("/messages"):
        shown = [key for key, folder in held.messages.items() if folder != "recoverableitemsdeletions"]
        return 200, {"value": [{"id": key, "parentFolderId": held.messages[key]} for key in shown]}
    if method == "PATCH":
        held.enabled = body["accountEnabled"]
        return 204, None
    if held.lag:
        held.lag -= 1
        if held.lag == 0:
            held.valid_from = held.pending
    return 200, {"accountEnabled": held.enabled, "signInSessionsValidFromDateTime": held.valid_from}


def _okta(held, method, path, query, body):
    if path.endswith("/logs"):
        return 200, held.okta_log
    if path.endswith("/appLinks"):
        return 200, [{"label": "Mail"}, {"label": "Files"}]
    if path.endswith("/sessions"):
        held.okta_log.append({"eventType": "user.session.clear"})
        return 204, None
    if path.endswith("/lifecycle/suspend"):
        if held.okta_status != "ACTIVE":
            return 400, {"errorCode": "E0000001"}
        held.okta_status = "SUSPENDED"
        return 200, {}
    if path.endswith("/lifecycle/unsuspend"):
        held.okta_status = "ACTIVE"
        return 200, {}
    return 200, {"id": "00u1", "status": held.okta_status}


def _google(held, method, path, query, body):
    if path.endswith("/signOut"):
        held.signed_out += 1
        return 204, None
    if method == "PUT":
        held.suspended = body["suspended"]
    return 200, {"suspended": held.suspended, "isAdmin": held.is_admin}


def _hook(held, method, path, query, body):
    if method == "GET":
        return 200, {"done": query["id"][0] in held.done}
    held.hooks.append(body)
    (held.done.discard if body["undo"] else held.done.add)(body["id"])
    return 202, None


_ROUTES = (
    (r"/v1\.0/users/.*", _graph), (r"/api/v1/.*", _okta), (r"/admin/directory/v1/.*", _google), (r"/hook.*", _hook),
)  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Say nothing."""

    def _give(self, status, value):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        if status == 429:
            self.send_header("retry-after", "1")
        self.end_headers()
        self.wfile.write(body)

    def _answer(self):
        held, parts = self.server.held, urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        if parts.path.endswith("/token"):
            return self._give(200, {"access_token": "t", "expires_in": 3600})
        held.asked.append((self.command, unquote(parts.path), self.headers.get("idempotency-key")))
        fault = held.faults.pop(0) if held.faults else ""
        if fault == "drop":
            self.close_connection = True
            return None
        if fault.isdecimal():
            return self._give(int(fault), {"error": fault})
        body = json.loads(content) if content and content[:1] == b"{" else None
        for pattern, answer in _ROUTES:
            if re.fullmatch(pattern, parts.path):
                given = answer(held, self.command, unquote(parts.path), parse_qs(parts.query), body)
                if fault == "done-drop":
                    self.close_connection = True
                    return None
                return self._give(*given)
        return self._give(404, {})

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server's names


@contextlib.contextmanager
def vendors():
    """Run the server."""
    held = Vendors()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.held, server.daemon_threads = held, True
    held.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def request(verb, target, **fields):
    """A request of an executor."""
    from sensor.model.response import Request

    return Request(id="ACT-1", verb=verb, target=target, incident="INC-1", reason="r", **fields)


def asked(held, clock, *, secret="a token", **options):  # noqa: S107 - of a server on loopback
    """What a connector is built of."""
    from sensor.wire.api_offer import Asked
    from sensor.wire.http_client import Limits

    return Asked(
        options={"api_url": held.url, "login_url": held.url, **options}, secret=lambda: secret, clock=clock,
        limits=Limits(attempts=3, silence_s=2.0, connect_s=2.0), jitter=lambda: 0.0,
    )  # fmt: skip


def through(connector, one):
    """Take an action through: before, act, verify; return the request with what was, and whether it holds."""
    import msgspec

    known = msgspec.structs.replace(one, before=connector.before(one))
    connector.act(known)
    return known, connector.verify(known)
