"""First contacts read by SQL are those that are read from a tick."""

import ipaddress
import itertools

import numpy as np

from sensor.detectors.contacts_again import CONTACTS, nobody
from sensor.detectors.first_contacts import contacts
from sensor.entities.networks import no_host
from sensor.model import addresses
from sensor.model.flow import CONN_STATES
from sensor.store.archive_reader import literal
from tests.detectors.recounts import ask
from tests.detectors.ticks import tick
from tests.scenes import flow, flows
from tests.store.archives import Writer


def test_walk_outcome_and_sides_are_the_same(tmp_path):
    """Every state with histories of either side, every protocol, packets known or not, addresses of nobody."""
    rows = []
    cases = itertools.product(CONN_STATES, ("", "S", "ShADad", "SAD", "hd", "^hadf", "D"), (-1, 0, 3), (-1, 0, 3))
    for k, (state, history, sent, back) in enumerate(cases):
        one = flow("10.0.0.5", f"10.0.{k % 7}.{k % 250 + 5}", at_s=k / 1000, state=state or "OTH", history=history)
        one["conn_state"] = CONN_STATES.index(state)
        one["orig_pkts"], one["resp_pkts"] = sent, back
        one["resp_bytes"] = (-1, 0, 9)[k % 3]
        rows.append(one)
    for k, (proto, resp) in enumerate(
        itertools.product(
            (1, 17, 58, 6, 132), ("10.0.0.255", "224.0.0.251", "255.255.255.255", "10.0.0.9", "ff02::1", "::1")
        )
    ):
        rows.append(flow("10.0.0.5", resp, at_s=8 + k / 1000, proto=proto, orig_port=(8, 128)[k % 2]))
    whole = flows(*rows)
    whole["uid"] = [f"U{k}".encode() for k in range(len(whole))]
    writer = Writer(tmp_path)
    step = tick(writer.known, whole)
    step.fresh = np.arange(len(whole)) % 11 > 0
    read = contacts(step)
    writer.archive.take(step)
    writer.commit().close()
    sql = f"WITH {CONTACTS} SELECT walk, failed, two_way, one_sided FROM contacts ORDER BY n"  # noqa: S608
    told = ask(tmp_path, lambda archive: archive.rows(sql))
    expected = [
        (None if kind == 255 else kind, None if failed < 0 else failed, bool(both), bool(alone))
        for kind, failed, both, alone in zip(
            read.walk.tolist(), read.outcome.tolist(), read.two_way.tolist(), read.one_sided.tolist(), strict=True
        )
    ]

    assert expected == [(kind, failed, both, bool(alone)) for kind, failed, both, alone in told]


def test_nobodys_addresses_are_the_same(tmp_path):
    """Borders of each range, and their neighbours."""
    Writer(tmp_path).commit().close()
    asked = [
        str(ipaddress.IPv4Address(0)), "0.255.255.255", "1.0.0.0", "126.255.255.255", "127.0.0.1", "128.0.0.0",
        "223.255.255.255",
        "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.254", "255.255.255.255", "::", "::1", "::2",
        "ff00::1", "ffff::", "fe80::1", "ff::1", "2001:db8::ff",
    ]  # fmt: skip
    words = np.array([addresses.parse(one) for one in asked], np.uint64)
    listed = ", ".join(f"({literal(one)})" for one in asked)
    sql = f"SELECT {nobody('a')} FROM (VALUES {listed}) AS t(a)"  # noqa: S608
    told = ask(tmp_path, lambda archive: archive.rows(sql))

    assert no_host(words[:, 0].copy(), words[:, 1].copy()).tolist() == [one for (one,) in told]
