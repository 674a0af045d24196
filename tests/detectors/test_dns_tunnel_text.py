"""The numbers of a DNS tunnel's evidence, again from the archive."""

import pytest

from sensor.detectors import dns_tunnel_text
from tests.detectors.test_dns_tunnel import run, tunnel


class Held:
    """An archive of the given questions."""

    since_ns = 0

    def __init__(self, messages):
        self.messages = messages

    def rows(self, sql, parameters=()):
        assert "kind = 'dns'" in sql
        return [(one.ts, one.query) for one in self.messages]


def test_information_is_counted_again_from_the_archive():
    """The archive's questions give what was observed; a changed one gives another number."""
    messages = tunnel(n=200)
    found, _, _ = run(messages[:200])
    evidence = found[0].evidence
    upto = [one for one in messages if int(evidence.basis["names"]) > messages.index(one)]

    assert pytest.approx(evidence.observed) == dns_tunnel_text.recount(evidence, Held(upto))
    assert evidence.observed != dns_tunnel_text.recount(evidence, Held(upto[1:]))


def test_p_falls_with_what_was_told_and_has_a_floor():
    """One in twenty device-days at 350 bytes; never below the floor of a small reference."""
    assert pytest.approx([1.0, 0.05, 0.05 / 10**1.5, 1e-3]) == [dns_tunnel_text.p_of(x) for x in (1, 350, 3500, 1e9)]
