"""Incidents as alerts: a stable identity, text in annotations, ends that say that something is over."""

import msgspec
import pytest

from sensor.sinks import alertmanager
from sensor.sinks.alertmanager import Settings
from tests.sinks.samples import AT, NOW_NS, delivery, evidence, fit, incident, receiving

LABELS = {
    "alertname": "SpanlineIncident", "incident": "INC-000000000001", "site": "SYD", "tier": "triage", "family": "scan",
}  # fmt: skip


@pytest.fixture
def receiver():
    """An Alertmanager on loopback that takes everything."""
    with receiving() as state:
        yield state


def sink(receiver, **options):
    return alertmanager.build(Settings(url=receiver.url + "/am/", console_url="https://c.example", **options), fit())


def sent(receiver, *deliveries, **options):
    """Send, and return the alerts that arrived and the notes."""
    made = sink(receiver, **options)
    notes = made.send(deliveries, NOW_NS)
    made.close()
    [request] = receiver.sent
    assert ("POST", "/am/api/v2/alerts") == (request.method, request.path)
    return request.json(), notes


def test_an_open_incident_is_an_alert_that_ends_after_some_repeats(receiver):
    """With its page as source, since when it is open, and text for a person."""
    [alert], [note] = sent(receiver, delivery())

    assert LABELS == alert["labels"] == msgspec.json.decode(note)
    assert (AT, "2024-03-01T12:04:00.000000Z") == (alert["startsAt"], alert["endsAt"])
    assert "https://c.example/incidents/INC-000000000001" == alert["generatorURL"]
    assert ("PC-7 scans the network", "PC-7", "T1046", "31.0", "+31.0 dB: PC-7 (10.10.0.7) tried 90 hosts") == tuple(
        alert["annotations"][name] for name in ("summary", "subjects", "techniques", "score_db", "evidence")
    )


def test_the_identity_stays_while_an_incident_grows(receiver):
    """An earlier evidence of another family, a higher score and another title change no label."""
    grown = incident(
        title="other", score_db=60.0,
        evidence=(evidence(), evidence("EV-0", ts="2024-03-01T11:00:00.000000Z", family="beacon")),
    )  # fmt: skip
    [alert], _ = sent(receiver, delivery(grown, 2, msgspec.json.encode(LABELS).decode()))

    assert (LABELS, "60.0") == (alert["labels"], alert["annotations"]["score_db"])


def test_another_tier_is_another_alert_and_ends_the_one_before(receiver):
    """So that what became a page is routed as one."""
    old, new = sent(
        receiver, delivery(incident(tier="page"), 2, msgspec.json.encode(LABELS).decode()), labels={"team": "soc"}
    )[0]

    assert (LABELS, "2024-03-01T12:00:00.000000Z") == (old["labels"], old["endsAt"])
    assert (LABELS | {"tier": "page", "team": "soc"}, "2024-03-01T12:04:00.000000Z") == (new["labels"], new["endsAt"])


@pytest.mark.parametrize("state", ["closed", "expired"])
def test_what_is_over_ends_now(receiver, state):
    """An end that is not in the future is how an alert is resolved."""
    [alert], _ = sent(receiver, delivery(incident(state=state, verdict="benign"), 3))

    assert ("2024-03-01T12:00:00.000000Z", state) == (alert["endsAt"], alert["annotations"]["state"])


def test_an_incident_of_the_future_begins_before_it_ends(receiver):
    """Where records carry a clock that is ahead, the Alertmanager would refuse the request."""
    [alert], _ = sent(receiver, delivery(incident(opened="2031-01-01T00:00:00.000000Z", state="closed")))

    assert alert["startsAt"] < alert["endsAt"]


def test_text_of_the_network_is_escaped_and_cut(receiver):
    """A line end, a terminal's code, or a megabyte in a name."""
    hostile = incident(title="a\r\nSubject: b\x1b[2J", summary="x" * 10_000, sites=("S\nD",))
    [alert], _ = sent(receiver, delivery(hostile))

    assert r"a\r\nSubject: b\x1b[2J" == alert["annotations"]["summary"]
    assert 2_000 == len(alert["annotations"]["description"])
    assert r"S\nD" == alert["labels"]["site"]


def test_options_that_will_not_do_are_named():
    """A label of ours, none at all, a pause of nothing, an address without TLS."""
    url = "https://am.example"
    assert alertmanager.problem(Settings(url=url, labels={"team": "soc"})) is None
    for wrong, told in (
        ({"labels": {"site": "x"}}, "'site' is no name"), ({"labels": {"a-b": "x"}}, "'a-b' is no name"),
        ({"repeat_s": 0}, "repeat_s"), ({"url": "http://am.example"}, "plain_http = true"), ({"url": ""}, "needs url"),
    ):  # fmt: skip
        assert told in alertmanager.problem(Settings(**{"url": url} | wrong))


def test_a_probe_asks_for_the_status(receiver):
    """It sends no alert."""
    made = sink(receiver)
    assert f"{receiver.url}/am/ answers" == made.probe()
    made.close()
    assert [("GET", "/am/api/v2/status")] == [(one.method, one.path) for one in receiver.sent]
