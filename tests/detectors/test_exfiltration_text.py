"""What an upload's evidence says, and its bytes again from the archive."""

import pytest

from sensor.detectors import exfiltration_text
from sensor.detectors.exfiltration_text import size
from sensor.model import addresses
from sensor.model.flow import UDP
from tests.detectors.test_exfiltration import DROP, at, run, upload


class Held:
    """An archive of the given (address, proxied host, bytes)."""

    since_ns = 0

    def __init__(self, rows):
        self.held = rows

    def rows(self, sql, parameters=()):
        assert "FROM flows" in sql
        return self.held


def test_bytes_are_counted_again_from_the_archive():
    """Flows to the place's address add up to what was observed; other places do not count."""
    evidence = at(run(*upload())[0])[0].evidence
    rows = [(DROP, None, 30_000_000)] * 5 + [("198.51.100.1", None, 999), (DROP, "other.example", 7)]

    assert evidence.observed == exfiltration_text.recount(evidence, Held(rows))
    assert evidence.observed != exfiltration_text.recount(evidence, Held(rows[1:]))
    late = Held(rows)
    late.since_ns = 1 << 62
    assert exfiltration_text.recount(evidence, late) is None


def test_a_tunnels_port_speaks_against_it():
    """A new gateway of a VPN is told, with what else it may be."""
    rows = upload()
    for row in rows:
        here = row["resp_lo"] == addresses.parse(DROP)[1]
        row["resp_p"][here], row["proto"][here] = 51820, UDP

    plain, tunnel = (at(run(*given)[0])[0].counter for given in (upload(), rows))
    assert [False, True] == [any("WireGuard's" in text for text in one) for one in (plain, tunnel)]


SIZES = [(999, "999 bytes"), (1.9e9, "1.9 GB"), (14e3, "14 kB"), (150e6, "150 MB")]


@pytest.mark.parametrize(("count", "expected"), SIZES)
def test_sizes_for_a_person(count, expected):
    """Three digits and a unit."""
    assert expected == size(count)
