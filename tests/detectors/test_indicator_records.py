"""Indicators in an archive that a table in memory stands for."""

import json

import pytest

from sensor.detectors.indicator_records import met_by
from sensor.model.indicator import Indicator
from sensor.model.times import DAY_NS, SECOND_NS
from tests.store.test_usual import MONDAY, Held


def listed(kind, value, **more):
    return Indicator(kind=kind, value=value, **more)


def flow(held, **changes):
    row = {
        "n": 1, "ts": MONDAY, "tick": MONDAY + 10 * SECOND_NS, "site": "SYD", "orig_device": "dev-1",
        "orig_h": "10.0.0.1", "resp_h": "203.0.113.9", "conn_state": "SF", "fresh": True, "uid": "C1",
        "input": "conn.log", "record": 7,
    }  # fmt: skip
    held.add("flows", **{**row, **changes})


def message(held, kind, query, body=None, **changes):
    row = {
        "n": 1,
        "ts": MONDAY,
        "tick": MONDAY + 10 * SECOND_NS,
        "site": "SYD",
        "kind": kind,
        "device": "dev-1",
        "query": query,
    }
    held.add("messages", **{**row, "body": json.dumps(body or {}), **changes})


def found(held, *indicators, **more):
    return [(one.device or one.account, one.value, one.count, one.days) for one in met_by(indicators, held, **more)]


def test_flows_to_a_listed_address_are_counted_with_their_days_and_records():
    """A second report of a flow is none; flows of other devices are others'."""
    held = Held()
    flow(held)
    flow(held, fresh=False)
    flow(held, ts=MONDAY + DAY_NS)
    flow(held, orig_device="dev-2")
    flow(held, resp_h="203.0.113.10")
    (mine, other) = sorted(met_by([listed("address", "203.0.113.9")], held), key=lambda one: one.device)

    assert ("dev-1", 2, 2) == (mine.device, mine.count, mine.days)
    assert ("dev-2", 1, 1) == (other.device, other.count, other.days)
    assert ("conn.log", "C1", 7) == (mine.records[0].input, mine.records[0].uid, mine.records[0].row)


@pytest.mark.parametrize(("state", "count"), [("SF", 1), ("S0", 0), ("REJ", 0)])
def test_a_listed_address_that_calls_counts_where_it_was_answered(state, count):
    """What only tried is the internet's weather."""
    held = Held()
    flow(held, orig_device=None, orig_h="203.0.113.9", resp_device="dev-1", resp_h="10.0.0.1", conn_state=state)

    assert count == len(found(held, listed("address", "203.0.113.9")))


def test_addresses_of_a_listed_network():
    """Each is met as itself; the longest of several networks is not looked for, the first is."""
    held = Held()
    flow(held)
    flow(held, resp_h="2001:db8::1")

    assert [("dev-1", "203.0.113.9", 1, 1)] == found(held, listed("network", "203.0.113.0/24"))
    assert [("dev-1", "2001:db8::1", 1, 1)] == found(held, listed("network", "2001:db8::/32"))
    assert [] == found(held, listed("network", "198.51.100.0/24"))


def test_names_below_a_listed_domain():
    """In questions, hellos and requests; a name that only ends alike is another."""
    held = Held()
    message(held, "dns", "a.Bad.example")
    message(held, "ssl", "bad.example")
    message(held, "http", "notbad.example")
    message(held, "smb", "bad.example")

    assert [("dev-1", 2)] == [(one.device, one.count) for one in met_by([listed("domain", "bad.example")], held)]


def test_urls_and_fingerprints():
    """A URL by host and path of a request in the clear; JA3 and JA4 of hellos."""
    held = Held()
    message(held, "http", "bad.example", {"uri": "/a?b=1"})
    message(held, "ssl", "x.example", {"ja3": "AB" * 16, "ja4": None})

    assert [("dev-1", "bad.example/a?b=1", 1, 1)] == found(held, listed("url", "bad.example/a?b=1"))
    assert [("dev-1", "ab" * 16, 1, 1)] == found(held, listed("fingerprint", "ab" * 16))
    assert [] == found(held, listed("url", "bad.example/"))


def test_sign_ins_that_succeeded_from_a_listed_address():
    """By account; refused ones are guesses, another detector's."""
    held = Held()
    row = {"ts": MONDAY, "tick": MONDAY, "account": "ann@ex.com", "ip": "203.0.113.9", "begun": True}
    held.add("signins", id="a", result="success", **row)
    held.add("signins", id="b", result="failure", **row)

    assert [("ann@ex.com", "203.0.113.9", 1, 1)] == found(held, listed("address", "203.0.113.9"))


def test_senders_and_attachments_of_mail():
    """By the account that was sent it."""
    held = Held()
    detail = json.dumps({"sender": "A@bad.example", "sha256": "C" * 64})
    held.add("events", n=1, ts=MONDAY, tick=MONDAY, kind="email", account_entity="ann@ex.com", detail=detail)

    assert [("ann@ex.com", "a@bad.example", 1, 1)] == found(held, listed("sender", "a@bad.example"))
    assert [("ann@ex.com", "c" * 64, 1, 1)] == found(held, listed("hash", "c" * 64))


def test_hashes_of_files_and_certificates():
    """By the device that opened the flow."""
    held = Held()
    message(held, "files", "", {"md5": "a" * 32, "sha1": None, "sha256": "B" * 64})
    message(held, "x509", "", {"fingerprint": "c" * 40})

    assert [("dev-1", "a" * 32, 1, 1)] == found(held, listed("hash", "a" * 32))
    assert [("dev-1", "b" * 64, 1, 1)] == found(held, listed("hash", "b" * 64))
    assert [("dev-1", "c" * 40, 1, 1)] == found(held, listed("hash", "c" * 40))


def test_time():
    """What was taken in later is left out; an indicator is not valid before and after its time."""
    held = Held()
    flow(held)

    assert 0 == len(found(held, listed("address", "203.0.113.9"), until_ns=MONDAY + 9 * SECOND_NS))
    assert 0 == len(found(held, listed("address", "203.0.113.9", until_ns=MONDAY)))
    assert 0 == len(found(held, listed("address", "203.0.113.9", since_ns=MONDAY + 11 * SECOND_NS)))
    assert 1 == len(found(held, listed("address", "203.0.113.9", since_ns=MONDAY, until_ns=MONDAY + 1)))
