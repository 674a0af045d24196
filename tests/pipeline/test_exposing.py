"""The listener of the metrics: whom it answers, how, and what it withstands; real sockets on loopback."""

import base64
import contextlib
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request

import pytest

import sensor
from sensor.config import build
from sensor.errors import ConfigError
from sensor.metrics import Metrics
from sensor.pipeline.exposing import CONNECTIONS, open_metrics
from tests.grafana.asking import prometheus
from tests.wire.certificates import Authority

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}


@contextlib.contextmanager
def listening(tmp_path, **table):
    """Listen on a port of the kernel's choice; yields the address of the metrics."""
    config = build({"metrics": {"listen": "127.0.0.1:0", **table}})
    one = open_metrics(config, tmp_path, Metrics(sensor.__version__))
    try:
        yield one, one.said.removeprefix("metrics on ")
    finally:
        one.close(2.0)


def get(url, headers=(), context=None):
    """Ask; return (status, content type, body)."""
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_who_accepts_openmetrics_gets_it_and_others_the_older_text(tmp_path):
    """By the Accept header, as Prometheus sends it."""
    with listening(tmp_path) as (_, url):
        new, old = get(url, OPENMETRICS), get(url)

    assert (200, "application/openmetrics-text; version=1.0.0; charset=utf-8") == new[:2]
    assert new[2].endswith(b"# EOF\n")
    assert (200, "text/plain; version=0.0.4; charset=utf-8") == old[:2]
    assert b"spanline_build_info" in old[2]


def test_nothing_but_the_metrics_is_served(tmp_path):
    """Any other path is not found; a HEAD gets no body."""
    with listening(tmp_path) as (_, url):
        assert 404 == get(url.replace("/metrics", "/"))[0]
        assert 404 == get(url + "/../etc/passwd")[0]
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            assert b"" == answer.read()


def test_a_password_and_a_token_are_asked_for_and_nothing_else_will_do(tmp_path):
    """Basic and bearer, by TLS; every other word is a 401 without a metric in it."""
    certificate = Authority(tmp_path)
    cert, key = certificate.issue("metrics")
    (tmp_path / "word").write_text("sesame\n")
    (tmp_path / "token").write_text("t0ken\n")
    context = ssl.create_default_context(cafile=certificate.file)
    table = {
        "cert": cert, "key": key, "user": "scraper", "password": {"file": str(tmp_path / "word")},
        "token": {"file": str(tmp_path / "token")},
    }  # fmt: skip
    with listening(tmp_path, **table) as (_, url):
        good = [basic("scraper", "sesame"), {"Authorization": "Bearer t0ken"}]
        bad = [
            {}, basic("scraper", "sesam"), basic("prometheus", "sesame"), {"Authorization": "Bearer sesame"},
            {"Authorization": "Basic !!!"}, {"Authorization": "Bearer"}, {"Authorization": "Digest t0ken"},
            basic("scraper", ""),
        ]  # fmt: skip
        assert ["https", *[200] * 2] == [url.partition(":")[0], *(get(url, one, context)[0] for one in good)]
        found = [get(url, one, context) for one in bad]

    assert [401] * len(bad) == [code for code, _, _ in found]
    assert all(b"spanline_" not in body for _, _, body in found)


def test_a_certificate_that_was_renewed_is_shown_from_then_on(tmp_path):
    """No restart: whoever trusts only the new authority gets in, and half a file changes nothing."""
    (tmp_path / "other").mkdir()
    first, second = Authority(tmp_path), Authority(tmp_path / "other", "other")
    cert, key = first.issue("metrics")
    new_cert, new_key = second.issue("metrics")
    (tmp_path / "token").write_text("t0ken")
    asked = {"Authorization": "Bearer t0ken"}
    old_trust, new_trust = (ssl.create_default_context(cafile=one.file) for one in (first, second))
    with listening(tmp_path, cert=cert, key=key, token={"file": str(tmp_path / "token")}) as (_, url):
        assert 200 == get(url, asked, old_trust)[0]
        (tmp_path / "half").write_text("-----BEGIN CERTIFICATE-----\n")
        (tmp_path / "half").replace(cert)
        assert 200 == get(url, asked, old_trust)[0]
        shutil.copy(new_cert, cert)
        shutil.copy(new_key, key)
        assert 200 == get(url, asked, new_trust)[0]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"listen": "0.0.0.0:0"}, "off loopback, which needs TLS .* and authentication"),
        ({"listen": "[::]:0", "cert": "c", "key": "k"}, "needs authentication"),
        ({"listen": "192.0.2.1:9477", "token": {"env": "T"}}, "needs TLS"),
        ({"cert": "c"}, "cert and key together"),
        ({"token": {}}, "token: expected"),
        ({"token": "abc"}, r"\[metrics"),
        ({"password": {"env": "A", "file": "B"}}, "password: expected"),
        ({"user": "a:b"}, "user = "),
    ],
)
def test_what_would_serve_anybody_is_refused(table, told):
    """Before anything is opened, naming the key."""
    with pytest.raises(ConfigError, match=told):
        build({"metrics": table})


def test_a_secret_or_a_certificate_that_is_not_there_is_an_error_of_the_configuration(tmp_path):
    """At the start, not at the first scrape."""
    (tmp_path / "empty").write_text("\n")
    for table in (
        {"token": {"file": str(tmp_path / "none")}}, {"token": {"file": str(tmp_path / "empty")}},
        {"cert": str(tmp_path / "no.pem"), "key": str(tmp_path / "no.key")},
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            open_metrics(build({"metrics": {"listen": "127.0.0.1:0", **table}}), tmp_path, Metrics("1"))


def test_a_port_that_is_taken_is_an_error_of_the_configuration(tmp_path):
    """Named, with its address."""
    with listening(tmp_path) as (one, _), pytest.raises(ConfigError, match=one.address):
        open_metrics(build({"metrics": {"listen": one.address}}), tmp_path, Metrics("1"))


def test_a_changed_secret_holds_after_a_reload(tmp_path):
    """The old one is refused from then on."""
    (tmp_path / "token").write_text("old")
    table = {"token": {"file": str(tmp_path / "token")}}
    with listening(tmp_path, **table) as (one, url):
        assert 200 == get(url, {"Authorization": "Bearer old"})[0]
        (tmp_path / "token").write_text("new")
        one.reload(build({"metrics": {"listen": "127.0.0.1:0", **table}}))
        assert [401, 200] == [get(url, {"Authorization": f"Bearer {word}"})[0] for word in ("old", "new")]


def test_senders_of_nothing_do_not_keep_a_scrape_waiting_for_ever(tmp_path, monkeypatch):
    """All places taken by connections that say nothing: they are let go after the time for a request."""
    monkeypatch.setattr("sensor.pipeline.exposing.TIMEOUT_S", 0.5)
    monkeypatch.setattr("sensor.pipeline.exposing._Handler.timeout", 0.5)
    with listening(tmp_path) as (one, url), contextlib.ExitStack() as held:
        host, _, port = one.address.rpartition(":")
        for _ in range(2 * CONNECTIONS):
            held.enter_context(socket.create_connection((host, int(port)), timeout=10))
        begin = time.monotonic()
        assert 200 == get(url)[0]

    assert time.monotonic() - begin < 8.0


@pytest.mark.needs_tool("prometheus")
def test_a_prometheus_scrapes_by_tls_with_a_password(tmp_path):
    """As docs/metrics.md says; the exemplars come too."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("metrics")
    (tmp_path / "word").write_text("sesame\n")
    metrics = Metrics("1.2.3")
    metrics.incidents.labels("SYD", "page").inc(1, {"incident": "INC-0123456789ab"})
    table = {"cert": cert, "key": key, "password": {"file": str(tmp_path / "word")}}
    one = open_metrics(build({"metrics": {"listen": "127.0.0.1:0", **table}}), tmp_path, metrics)
    config = f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: spanline
    scheme: https
    tls_config: {{ca_file: {authority.file}}}
    basic_auth: {{username: prometheus, password_file: {tmp_path / "word"}}}
    static_configs: [{{targets: ["{one.address}"]}}]
"""
    try:
        with prometheus(tmp_path, config) as server:
            begin_s = time.time()
            while time.time() < begin_s + 20 and not server.instant("spanline_build_info", time.time()):
                time.sleep(0.5)
            found = server.instant("spanline_build_info", time.time())
            exemplars = server.get("query_exemplars", query="spanline_incidents_total", start=0, end=time.time())
    finally:
        one.close(2.0)

    assert ["1.2.3"] == [labels["version"] for labels, _ in found]
    assert ["INC-0123456789ab"] == [held["labels"]["incident"] for one in exemplars for held in one["exemplars"]]
