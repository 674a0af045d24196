"""Tests for sensor/wire/netflow_sequence.py: gaps by each exporter's way to count."""

import pytest

from sensor.wire.netflow_sequence import Sequences

SIZES = [21, 29, 30, 30, 1, 28, 4, 30, 30, 7]
KEY = ("192.0.2.1 2055", 0, 10)


def numbers(rule: str, start: int = 0) -> list[int]:
    """Number packets of these sizes as an exporter does."""
    if rule == "packets":
        return [(start + k) % 2**32 for k in range(len(SIZES))]
    behind = 1 if rule == "including" else 0
    return [(start + sum(SIZES[: k + behind])) % 2**32 for k in range(len(SIZES))]


@pytest.mark.parametrize("rule", ["packets", "before", "including"])
@pytest.mark.parametrize("start", [0, 2**32 - 60])
def test_a_whole_stream_has_no_gap_and_a_missing_packet_is_one(rule: str, start: int) -> None:
    """Whatever the exporter counts, and across the counter's end."""
    sent = list(zip(numbers(rule, start), SIZES, strict=True))
    whole, holed = Sequences(4), Sequences(4)

    assert [] == [k for k, one in enumerate(sent) if whole.has_gap(KEY, *one)]
    assert [6] == [k for k, one in enumerate(sent) if k != 5 and holed.has_gap(KEY, *one)]


def test_order_and_restarts_are_no_gaps() -> None:
    """An old packet is ignored, a counter that begins again is taken over."""
    watched = Sequences(4)
    told = [watched.has_gap(KEY, number, 30) for number in (9000, 9030, 9060, 9030, 9090, 0, 30, 60, 9_000_000)]
    assert [False] * 9 == told


def test_streams_are_bounded() -> None:
    """The one longest silent is forgotten."""
    watched = Sequences(2)
    for domain in range(5):
        watched.has_gap(("x", domain, 9), 1, 1)
    assert 2 == len(watched._streams)
