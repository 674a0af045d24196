"""A server on loopback that speaks the polled APIs, and misbehaves as it is told: real HTTP, real sockets."""

import contextlib
import email.utils
import gzip
import json
import random
import re
import ssl
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlencode, urlsplit

from sensor.wire.event_times import read_time
from tests.serving import Server, served

_BOMB = gzip.compress(b" " * 3_000_000)
START_NS = read_time("2024-03-01T12:00:00Z")


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self, now_ns=START_NS):
        self.now, self.slept, self.ended = now_ns, [], False

    def now_ns(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += int(seconds * 1e9)
        return not self.ended


class ApiServer:
    """What it holds, how it answers, and what it was asked."""

    def __init__(self):
        self.streams = {}
        """(moment ns, record) by log or application or content type."""
        self.page = 3
        self.faults = []
        """One is used up by each request but those for tokens."""
        self.mode = ""
        """circle, endless: links that never end; repeat: each page begins with the last record of the one before;
        shuffle: records in no order."""
        self.tokens, self.lasts_s = 0, 3600
        self.grants, self.asked, self.started = [], [], set()
        self.clock_ns = lambda: START_NS
        self.url = ""

    def put(self, stream, moment_ns, record):
        self.streams.setdefault(stream, []).append((moment_ns, record))

    @property
    def token(self):
        return f"token-{self.tokens}"

    def window(self, stream, since_ns, until_ns):
        found = [(at, one) for at, one in self.streams.get(stream, []) if since_ns <= at < until_ns]
        if self.mode == "shuffle":
            random.Random(len(self.asked)).shuffle(found)
        return found

    def cut(self, found, start):
        """One page of it, and where the next begins; None at the end."""
        page = found[max(start - (self.mode == "repeat" and start > 0), 0) : start + self.page]
        onward = start + self.page if start + self.page < len(found) else None
        if self.mode == "circle" and onward is None:
            onward = 0
        if self.mode == "endless":
            return found[: self.page], start + 1
        return page, onward


@contextlib.contextmanager
def serving(tls=None):
    """Run a server; yields it with its `url`. `tls`: files of a certificate and of its key."""
    state = ApiServer()
    handler = type("Bound", (_Handler,), {"state": state})
    server = Server(("127.0.0.1", 0), handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    state.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    with served(server):
        yield state


class _Handler(BaseHTTPRequestHandler):
    state: ApiServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        form = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        parts = urlsplit(self.path)
        if parts.path.endswith("/token"):
            self.state.grants.append({name: values[0] for name, values in parse_qs(form).items()})
            if self.state.faults[:1] == ["no-token"]:
                self.state.faults.pop(0)
                return self.give({"error": "invalid_client", "error_description": "secret"}, status=401)
            self.state.tokens += 1
            return self.give({"access_token": self.state.token, "expires_in": self.state.lasts_s})
        if parts.path.endswith("/subscriptions/start"):
            self.state.started.add(parse_qs(parts.query)["contentType"][0])
            return self.give({"status": "enabled"})
        return self.give({}, status=404)

    def do_GET(self):
        state, parts = self.state, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        state.asked.append((parts.path, query))
        fault = state.faults.pop(0) if state.faults else None
        if fault is not None and self.misbehave(fault):
            return None
        sent = self.headers.get("authorization", "")
        if not sent.startswith("SSWS ") and sent != f"Bearer {state.token}":
            return self.give({"error": "expired"}, status=401)
        for pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, parts.path)
            if found:
                return answer(self, query, *found.groups())
        return self.give({"error": "nothing here"}, status=404)

    def misbehave(self, fault):
        """Do as told; False where the request is then answered as usual. Bytes are a body to give."""
        if isinstance(fault, bytes):
            self.give(fault)
            return True
        now_s = self.state.clock_ns() // 10**9
        status = int(fault[:3]) if fault[:3].isdecimal() else 0
        if status:
            said = fault.partition(":")[2]
            headers = {"retry-after": said} if said and said != "date" else {}
            if said == "date":
                headers = {
                    "retry-after": email.utils.format_datetime(datetime.fromtimestamp(now_s + 7, UTC), usegmt=True)
                }
            if said == "reset":
                headers = {"x-rate-limit-reset": str(now_s + 9)}
            self.give({"error": fault}, status=status, headers=headers)
        elif fault == "quota":
            self.give({"error": {"errors": [{"reason": "rateLimitExceeded"}]}}, status=403)
        elif fault == "AF429":
            self.give({"error": {"code": "AF429"}}, status=403)
        elif fault == "garbage":
            self.give(b'{"value": [')
        elif fault == "deep":
            self.give(b"[" * 200_000)
        elif fault == "cut":
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'{"value": [')
            self.close_connection = True
        elif fault == "drop":
            self.close_connection = True
        elif fault == "slow":
            time.sleep(1.2)
            self.close_connection = True
        elif fault == "drip":
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            for _ in range(10):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.15)
        elif fault == "huge":
            self.give(b" " * 300_000)
        elif fault == "bomb":
            self.give(_BOMB, headers={"content-encoding": "gzip"})
        elif fault == "elsewhere":
            self.give({}, status=302, headers={"location": "http://127.0.0.2:9/logs"})
        elif fault == "moved":
            self.give({}, status=307, headers={"location": self.path + ("&" if "?" in self.path else "?") + "moved=1"})
        else:
            return False
        return True

    def give(self, value, status=200, headers=None):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, one in (headers or {}).items():
            for line in one if isinstance(one, list) else [one]:
                self.send_header(name, line)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def graph(self, query, version, log):
        field, since, until = re.search(r"(\w+) ge (\S+) and \w+ lt (\S+)", query["$filter"]).groups()
        kind = re.search(r"t eq '(\w+)'", query["$filter"])
        stream = f"{version}/{log}/{field}/{kind[1] if kind else ''}"
        page, onward = self.state.cut(
            self.state.window(stream, read_time(since), read_time(until)), int(query.get("$skiptoken", 0))
        )
        body = {"value": [one for _, one in page]}
        if onward is not None:
            again = urlencode({"$filter": query["$filter"], "$skiptoken": onward})
            body["@odata.nextLink"] = f"{self.state.url}{urlsplit(self.path).path}?{again}"
        self.give(body)

    def okta(self, query):
        found = self.state.window("logs", read_time(query["since"]), read_time(query["until"]))
        page, onward = self.state.cut(found, int(query.get("after", 0)))
        links = [f'<{self.state.url}{self.path}>; rel="self"']
        if onward is not None:
            links.append(f'<{self.state.url}/api/v1/logs?{urlencode(query | {"after": onward})}>; rel="next"')
        self.give([one for _, one in page], headers={"link": links})

    def google(self, query, application):
        found = self.state.window(application, read_time(query["startTime"]), read_time(query["endTime"]))
        page, onward = self.state.cut(found, int(query.get("pageToken", 0)))
        body = {"kind": "admin#reports#activities"} | ({"items": [one for _, one in page]} if page else {})
        self.give(body | ({} if onward is None else {"nextPageToken": str(onward)}))

    def subscriptions(self, query):
        self.give([{"contentType": one, "status": "enabled"} for one in sorted(self.state.started)])

    def content(self, query):
        """Each stored record is the list that one item of content holds."""
        stream = query["contentType"]
        found = self.state.window(stream, read_time(query["startTime"]), read_time(query["endTime"]))
        page, onward = self.state.cut(found, int(query.get("page", 0)))
        listed = [
            {
                "contentUri": f"{self.state.url}/api/v1.0/t/activity/feed/audit/{number}",
                "contentId": str(number),
                "contentCreated": datetime.fromtimestamp(at / 1e9, UTC).isoformat(),
            }
            for at, (number, _) in page
        ]
        onto = {"NextPageUri": f"{self.state.url}{urlsplit(self.path).path}?{urlencode(query | {'page': onward})}"}
        self.give(listed, headers=onto if onward is not None else None)

    def blob(self, query, number):
        held = [one for stored in self.state.streams.values() for _, one in stored if str(one[0]) == number]
        self.give(held[0][1] if held else {}, status=200 if held else 404)


_ROUTES = (
    (r"/(v1\.0|beta)/auditLogs/(\w+)", _Handler.graph),
    (r"/api/v1/logs", _Handler.okta),
    (r"/admin/reports/v1/activity/users/all/applications/(\w+)", _Handler.google),
    (r"/api/v1\.0/t/activity/feed/subscriptions/list", _Handler.subscriptions),
    (r"/api/v1\.0/t/activity/feed/content", _Handler.content),
    (r"/api/v1\.0/t/activity/feed/audit/(\w+)", _Handler.blob),
)
