"""The hub's feed: each report once, in the order of its site, and what waits for a gap."""

import msgspec
import numpy as np
import pytest
import zstandard

from sensor.config import build
from sensor.entities.entities import Entities
from sensor.errors import ConfigError
from sensor.model import report
from sensor.model.capture import ARP
from sensor.model.report import Contact, Covered, Linked, Sighting
from sensor.model.shifted import shifted
from sensor.model.times import SECOND_NS
from sensor.pipeline import site_feed
from sensor.pipeline.site_feed import SiteFeed, open_sites, source_of
from sensor.store.inbox import Inbox
from tests.entities.test_corroboration import signin
from tests.pipeline.fleet_ends import body_of
from tests.scenes import SECRET, START, S, flows
from tests.wire.envelopes import envelope


class Clock:
    """Stands still."""

    now = 10**18

    def now_ns(self):
        return self.now

    def sleep(self, seconds):
        raise AssertionError(seconds)


def told(sequence, site="SYD", **fields):
    """Make an envelope with one report that says its number."""
    return envelope(sequence, body_of(str(sequence)), site=site, **fields)


def feed_of(folder, position=None, gap_wait_s=100):
    """Open a feed."""
    return SiteFeed(Inbox(folder, durable=False), "sites", "HUB", position, Clock(), gap_wait_s)


def said(batch):
    """Return what reports say."""
    return [f"{one.site}{one.reason}" for one in batch.reports]


def test_reports_come_once_and_in_order(tmp_path):
    """What was handed on is known by the position, and forgotten when that is committed."""
    inbox, feed = Inbox(tmp_path), feed_of(tmp_path)
    inbox.take("SYD", [told(1), told(2)], 1)
    inbox.take("PER", [told(1, "PER")], 1)
    first = feed.poll()
    position = feed.position()
    inbox.take("SYD", [told(3)], 1)

    assert ["PER1", "SYD1", "SYD2"] == sorted(said(first))
    assert (3, 3, 0) == (feed.account.records, feed.account.accepted, feed.account.duplicates)
    assert sorted(one.offset for one in first.reports) == [0, 1, 2]
    again = feed_of(tmp_path, position)  # a process that died before the inbox forgot
    assert ["SYD3"] == said(again.poll())
    assert [] == said(again.poll())
    again.acknowledge()
    assert ({}, 0.0) == (inbox.newest(), inbox.fill())
    assert ["SYD1", "SYD2", "SYD3"] == [one for one in (*said(first), "SYD3") if one.startswith("SYD")]


def test_what_was_not_committed_is_handed_on_again(tmp_path):
    """The position of before is where a new process begins."""
    inbox, feed = Inbox(tmp_path), feed_of(tmp_path)
    inbox.take("SYD", [told(1)], 1)
    feed.poll()
    position = feed.position()
    inbox.take("SYD", [told(2)], 1)
    feed.poll()

    assert ["SYD2"] == said(feed_of(tmp_path, position).poll())
    assert ["SYD1", "SYD2"] == said(feed_of(tmp_path).poll())


def test_what_lies_behind_a_gap_waits_and_is_handed_on_late(tmp_path):
    """Bundles: 2 and 3 come after 4, 6 never does; the order is kept as long as it can be."""
    inbox, feed = Inbox(tmp_path), feed_of(tmp_path)
    inbox.take("SYD", [told(1), told(4)], Clock.now, may_skip=True)
    assert ["SYD1"] == said(feed.poll())
    inbox.take("SYD", [told(3), told(7)], Clock.now, may_skip=True)
    assert [] == said(feed.poll())
    inbox.take("SYD", [told(2), told(5)], Clock.now, may_skip=True)
    assert ["SYD2", "SYD3", "SYD4", "SYD5"] == said(feed.poll())
    position = feed.position()
    feed._clock.now = Clock.now + 101 * SECOND_NS
    assert ["SYD7"] == said(feed.poll())
    inbox.take("SYD", [told(6), told(8)], feed._clock.now, may_skip=True)
    assert ["SYD6", "SYD8"] == said(feed.poll())
    feed.acknowledge()
    assert {} == inbox.newest()

    later = feed_of(tmp_path, position)
    assert ["SYD7", "SYD8"] != said(later.poll())


def test_sites_take_turns(tmp_path, monkeypatch):
    """One with much to tell gives an envelope, and is followed by the next."""
    monkeypatch.setattr(site_feed, "POLL_BYTES", 1)
    monkeypatch.setattr(site_feed, "TURN_BYTES", 1)
    inbox, feed = Inbox(tmp_path), feed_of(tmp_path)
    inbox.take("A", [told(n, "A") for n in range(1, 4)], 1)
    inbox.take("B", [told(n, "B") for n in range(1, 3)], 1)

    assert [["A1"], ["B1"], ["A2"], ["B2"], ["A3"], []] == [said(feed.poll()) for _ in range(6)]


def test_what_cannot_be_read_is_counted_and_passed_over(tmp_path):
    """Bodies that do not unpack, hold no reports, or reports of another site's findings."""
    inbox, feed = Inbox(tmp_path), feed_of(tmp_path)
    bodies = [b"no zstandard", zstandard.compress(b"no msgpack"), zstandard.compress(body_of("long") * 2)]
    sizes = (13, 10, 13)
    wrong = [
        msgspec.structs.replace(envelope(k), body=body, raw_bytes=size)
        for k, (body, size) in enumerate(zip(bodies, sizes, strict=True), 1)
    ]
    early = envelope(4, b"\x91\x9a" + b"\x00" * 9)
    inbox.take("SYD", [*wrong, early, told(5)], 1)

    assert ["SYD5"] == said(feed.poll())
    account = feed.account
    assert (5, 1, {"not_a_record": 4}) == (account.records, account.accepted, account.rejected)


def test_the_site_is_the_envelopes_whatever_a_report_says(tmp_path):
    """A site that tells of another is not believed."""
    from sensor.model.report import Verdict, encode

    inbox, feed = Inbox(tmp_path), feed_of(tmp_path)
    body = encode([Verdict(ts=1, site="PER", incident="INC-1", evidence=(), verdict="true", reason="")])
    inbox.take("SYD", [envelope(1, body)], 1)
    assert ["SYD"] == [one.site for one in feed.poll().reports]


def test_a_hub_has_one_source_of_sites(tmp_path):
    """Two are refused; the one there is opens over the state's folder."""
    table = {"type": "site", "listen": "127.0.0.1:0", "cert": "c", "key": "k", "ca": "a"}
    found = source_of(build({"sites": {"SYD": {}}, "sources": {"a": table}}))
    assert "a" == found.name
    assert source_of(build({})) is None
    feed = open_sites(found, "HUB", None, Clock(), tmp_path)
    assert {} == feed.links()
    feed.close()
    with pytest.raises(ConfigError, match="one source of type site"):
        build({"sites": {"SYD": {}}, "sources": {"a": table, "b": table}})


def sign_in_beside(folder, skew):
    """Return the verdict on a sign-in beside a site whose clock is four minutes ahead, of which `skew` is known."""
    ahead, device = 240 * S, "dev-0cc6978e6c37"
    reports = [
        Sighting(ts=START + 20 * S, device=device, addresses=("10.0.0.5",), first_ns=START, last_ns=START + 20 * S),
        Linked(ts=START + 20 * S, account="ann@ex.com", of="user", kind="kerberos_as", device=device, first_ns=START,
               last_ns=START + 20 * S, count=1, days=1),
        Contact(ts=START + 990 * S, provider="microsoft", devices=report.written_ids([device]), who=b"\0\0",
                before=bytes(4)),
        *(
            Covered(ts=START + at * S, minute=START // (60 * S), flows=b"", names=b"", whole=at // 60)
            for at in (300, 1_500)
        ),
    ]  # fmt: skip
    inbox = Inbox(folder)
    body = report.encode([shifted(one, ahead) for one in reports])
    inbox.take("SYD", [envelope(1, body, raw_bytes=len(body))], 1, skew=skew)
    known = Entities({}, SECRET, {"SYD": ("203.0.113.10",)})
    known.site_number("SYD")
    none, first, seen = np.empty(0, np.int32), feed_of(folder).poll().reports, []
    assert first == feed_of(folder).poll().reports  # whoever reads it again reads the same
    for end_s in (*range(10, 1_800, 10), 3_000, 20_000):
        now = [one for one in first if START + (end_s - 10) * S <= one.ts < START + end_s * S]
        events = [signin(1000)] if end_s == 1_010 else []
        tick = known.resolve(
            START + end_s * S, flows(), none, np.empty(0, ARP), none, none, [], [], fresh=np.ones(0, bool), learn=True,
            events=events, event_site=[0] * len(events), reports=now,
        )  # fmt: skip
        seen += tick.signins
    return seen[-1].row.corroboration, seen[-1].row.because


def test_a_site_whose_clock_is_four_minutes_off_corroborates_as_if_it_were_right(tmp_path):
    """Its contact ten seconds before the sign-in is seen ten seconds before it; without the estimate it is not."""
    verdict, because = sign_in_beside(tmp_path / "known", (240 * S, S // 10))

    assert ("supported", True) == (verdict, "10 s before it" in because)
    assert "supported" != sign_in_beside(tmp_path / "unknown", None)[0]
