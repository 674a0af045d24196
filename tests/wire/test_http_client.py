"""The HTTP client against a server that misbehaves: what is repeated, how long is waited, and what is refused."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sensor.errors import Permanent, Transient
from sensor.wire.http_client import Client, Limits, joined, origin
from tests.wire.api_server import FakeClock, serving

QUICK = Limits(attempts=4, silence_s=0.6, total_s=0.6, body_bytes=200_000)
QUERY = {"since": "2024-03-01T00:00:00Z", "until": "2024-03-01T12:00:00Z"}


class Token:
    """A token that can be renewed."""

    renewed = 0

    def headers(self, client):
        return {"authorization": f"SSWS {self.renewed}"}

    def renew(self):
        self.renewed += 1


@pytest.fixture
def server():
    """A server with one record."""
    with serving() as state:
        state.put("logs", 1709290000 * 10**9, {"uuid": "1"})
        yield state


@pytest.fixture
def clock():
    """Time that passes while somebody waits."""
    return FakeClock()


@pytest.fixture
def client(server, clock):
    """A client of the server that waits the longest that its jitter allows."""
    server.clock_ns = clock.now_ns
    made = Client(server.url, Token(), clock, limits=QUICK, jitter=lambda: 1.0)
    yield made
    made.close()


def ask(client, server):
    return client.request("GET", f"{server.url}/api/v1/logs", params=QUERY)


@pytest.mark.parametrize(
    ("fault", "reason", "slept"),
    [
        *(("500", "500", [1.0]), ("503:20", "503", [20.0]), ("429:3", "429", [3.0]), ("429", "429", [1.0])),
        *(("429:date", "429", [7.0]), ("429:reset", "429", [9.0]), ("429:soon", "429", [1.0])),
        *(("429:99999", "429", [900.0]), ("408", "408", [1.0]), ("garbage", "garbage", [1.0])),
        *(("deep", "garbage", [1.0]), ("cut", "broken", [1.0]), ("drop", "broken", [1.0])),
        *(("slow", "timeout", [1.0]), ("drip", "timeout", [1.0])),
    ],
)
def test_a_failure_that_may_pass_is_repeated(server, clock, client, fault, reason, slept):
    """After the wait that the server asks for, or a growing one."""
    server.faults = [fault]
    assert [{"uuid": "1"}] == ask(client, server).value
    assert ({reason: 1}, slept) == (client.retries, clock.slept)


def test_waits_grow_and_attempts_end(server, clock, client):
    """Then it is for the next round."""
    server.faults = ["503"] * 9
    with pytest.raises(Transient, match="failed 4 times, the last time: 503"):
        ask(client, server)
    assert [1.0, 2.0, 4.0] == clock.slept


def test_jitter_spreads_the_waits(server, clock):
    """So that many sensors do not come back at once."""
    client = Client(server.url, Token(), clock, limits=QUICK, jitter=lambda: 0.25)
    server.faults = ["503", "503"]
    ask(client, server)
    client.close()
    assert [0.25, 0.5] == clock.slept


def test_the_end_of_the_program_ends_the_waiting(server, clock, client):
    """Nothing is sent after it."""
    server.faults, clock.ended = ["503"], True
    with pytest.raises(Transient, match="the program ends"):
        ask(client, server)
    assert 1 == len(server.asked)


def test_a_401_renews_the_credentials_once(server, client):
    """A second one is final."""
    server.faults = ["401"]
    assert 200 == ask(client, server).status
    server.faults = ["401", "401"]
    with pytest.raises(Permanent, match="does not accept the credentials"):
        ask(client, server)


@pytest.mark.parametrize("fault", ["400", "403", "404", "410"])
def test_a_refusal_is_final(server, clock, client, fault):
    """It would be the same the next time."""
    server.faults = [fault]
    with pytest.raises(Permanent, match=f"answered {fault}"):
        ask(client, server)
    assert [] == clock.slept


def test_a_refusal_that_is_an_answer_is_given(server, client):
    """Where the caller asks for it."""
    server.faults = ["404"]
    reply = client.request("GET", f"{server.url}/api/v1/logs", params=QUERY, accept=frozenset({404}))
    assert (404, {"error": "404"}) == (reply.status, reply.value)


def test_a_refusal_may_mean_later(server, clock):
    """Where the API says so in the body."""
    client = Client(server.url, Token(), clock, limits=QUICK, throttled=lambda status, body: b"AF429" in body)
    server.faults = ["AF429"]
    assert 200 == ask(client, server).status
    client.close()
    assert 1 == len(clock.slept)


@pytest.mark.parametrize("fault", ["huge", "bomb"])
def test_a_reply_without_end_is_refused(server, client, fault):
    """Also where it is packed: it is unpacked no further than the limit."""
    server.faults = [fault]
    with pytest.raises(Permanent, match="more than 200000 bytes"):
        ask(client, server)


def test_a_redirect_stays_at_the_origin(server, client):
    """Anywhere else the credentials would go with it."""
    server.faults = ["moved"]
    assert [{"uuid": "1"}] == ask(client, server).value
    server.faults = ["elsewhere"]
    with pytest.raises(Permanent, match=r"leads to http://127\.0\.0\.2:9: refused"):
        ask(client, server)
    server.faults = ["moved"] * 9
    with pytest.raises(Permanent, match="redirects without end"):
        ask(client, server)


@pytest.mark.parametrize(
    "link", ["https://example.com/x", "http://localhost:1/x", "//example.com/x", "file:///etc/passwd", "http://[::1/"]
)
def test_a_link_to_another_origin_is_refused(server, client, link):
    """Before anything is sent."""
    with pytest.raises(Permanent):
        client.request("GET", joined(server.url, link))
    assert [] == server.asked


@pytest.mark.parametrize("url", ["http://example.com", "ftp://example.com", "example.com", "", "https://u@example.com"])
def test_an_api_without_tls_is_refused(url):
    """Loopback apart."""
    with pytest.raises(Permanent):
        Client(url, None, FakeClock())


def test_origins_are_compared_whole():
    """Scheme, host without regard to case, and port with its default."""
    assert "https://example.com:443" == origin("HTTPS://Example.COM/x?y") == origin("https://example.com:443/")
    assert origin("https://example.com") != origin("https://example.com:8443")


@pytest.fixture
def certificate(tmp_path):
    """A certificate of our own for loopback, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    whole = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(whole.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_certificates_are_verified(clock, certificate):
    """A server is not spoken to before its certificate is trusted; `ca_file` names more to trust."""
    with serving(certificate) as server:
        server.put("logs", 1709290000 * 10**9, {"uuid": "1"})
        stranger = Client(server.url, Token(), clock, limits=Limits(attempts=1))
        with pytest.raises(Transient, match="broken"):
            ask(stranger, server)
        assert [] == server.asked
        known = Client(server.url, Token(), clock, limits=QUICK, ca_file=str(certificate[0]))
        assert [{"uuid": "1"}] == ask(known, server).value
        stranger.close()
        known.close()


def test_a_missing_file_of_certificates_is_named(clock):
    """At the start, not at the first request."""
    with pytest.raises(FileNotFoundError):
        Client("https://127.0.0.1:1", None, clock, ca_file="missing.pem")


def test_plain_http_and_replies_that_are_no_json_are_taken_where_it_is_said(server, clock):
    """For receivers of webhooks, whose operator chose both."""
    assert "http://hooks.example:80" == origin("http://hooks.example/x", plain_http=True)
    server.clock_ns = clock.now_ns
    made = Client(server.url, Token(), clock, limits=QUICK, jitter=lambda: 1.0, plain_http=True, any_reply=True)
    server.faults = ["garbage"]
    assert made.request("GET", f"{server.url}/api/v1/logs", params=QUERY).value is None
    made.close()


def test_half_a_character_in_a_reply_does_not_stop_everything(server, client):
    """A name that a product cut in the middle of one is shown; the page is not asked for for ever."""
    server.faults = [b'[{"uuid": "1", "userAgent": "cut \\ud83d"}]']
    assert [{"uuid": "1", "userAgent": "cut \\ud83d"}] == ask(client, server).value
