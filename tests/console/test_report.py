"""The report: whole, escaped, self-contained."""

import re

import msgspec

from sensor.console.report import SIGNINS_MAX, Traffic, clean, page, timeline, verdicts
from sensor.model.account import SignIn
from sensor.model.result import Coverage, InputResult, ReplayResult
from tests.pipeline.test_responding import device
from tests.responses.products import action, incident

T0 = 1_700_000_000 * 10**9
EVIL = '<script>alert("x")</script>\x1b[2J'


def answer(*incidents, digest=()):
    """What a replay came to."""
    return ReplayResult(
        version=1, packets=5, flows=4, events=3, signins=2, first_ts="2026-01-01T00:00:00Z", devices=1, accounts=1,
        last_ts="2026-01-02T00:00:00Z", incidents=incidents, digest=digest,
        unusual=incidents[0].evidence if incidents else (),
        coverage=(Coverage(detector="scan", state="judged", why="4 flows"),), elapsed_s=1.0,
        inputs=(InputResult(path=EVIL, site="SYD", format="pcap", records=5, bytes=9, accepted=4, late=0, duplicates=0,
                            rejected={"truncated": 1}),),
    )  # fmt: skip


def signin(number, verdict="unknown", account="ann@ex.com"):
    """One sign-in."""
    return SignIn(
        ts="2026-01-01T00:00:00Z", account=account, source="entra", ip="203.0.113.9", country="AU", asn=None,
        app="Mail", result="success", reason_code=None, reason=None, mfa="satisfied", device=None,
        corroboration=verdict, because="no link", id=f"SI-{number}",
    )  # fmt: skip


def test_the_page_holds_everything_and_nothing_from_elsewhere():
    """Incident, timeline plot, actions, sign-ins, devices, coverage, inputs; no script, no address of a server."""
    one = msgspec.structs.replace(incident(action("ACT-1")), title=EVIL, summary=EVIL)
    text = page(
        answer(one), [device("D-1", "workstation", ("10.0.0.5",))], [signin(1, "contradicted")],
        [Traffic("SYD", [(T0, 5.0, 6.0), (T0 + 10**12, 7.0, 8.0)])], "0.1.0",
    )  # fmt: skip

    for held in (
        "INC-1",
        "disable account",
        "contradicted",
        "D-1-name",
        "4 flows",
        "truncated: 1",
        "<polyline",
        "<circle",
    ):
        assert held in text
    assert "<script" not in text
    assert "\x1b" not in text
    assert [] == re.findall(r"(?:src|href)=|url\(|https?://", text)


def test_an_empty_run_is_a_page_too():
    """It says that there was nothing."""
    text = page(answer(), [], [], [], "0.1.0")
    assert "None." in text
    assert "None seen." in text
    assert "Sign-ins" not in text


def test_long_lists_are_cut_and_say_so():
    """With the command that shows the rest."""
    text = page(answer(), [device(f"D-{k}") for k in range(230)], [signin(k) for k in range(300)], [], "0.1.0")
    assert "30 more: spanline devices" in text
    assert f"{300 - SIGNINS_MAX} more: spanline signins" in text


def test_accounts_with_contradictions_come_first():
    """Then those unsupported."""
    rows = verdicts(
        [signin(1), signin(2, "unsupported", "bob"), signin(3, "contradicted", "zoe"), signin(4, "supported", "bob")]
    )
    assert [
        ("zoe", {"contradicted": 1}),
        ("bob", {"unsupported": 1, "supported": 1}),
        ("ann@ex.com", {"unknown": 1}),
    ] == rows


def test_control_characters_are_shown():
    """As escapes."""
    assert "a\\x1b" == clean("a\x1b")
    assert 2 == timeline(incident()).count("<title>2026")
