"""Addresses with their time."""

from sensor.entities.spans import SPANS_MAX, Spans


def test_a_span_grows_both_ways_and_the_oldest_goes():
    """First and last time of each address; the one unused longest makes room."""
    spans = Spans()
    for ts in (5, 3, 9):
        spans.see(1, (0, 0, 7), ts)
    spans.stretch(1, (0, 0, 7), 12)
    spans.stretch(1, (0, 0, 8), 12)

    assert {(0, 0, 7): [3, 12]} == spans.of(1)
    for k in range(SPANS_MAX):
        spans.see(1, (0, 1, k), 100 + k)
    assert (SPANS_MAX, False) == (len(spans.of(1)), (0, 0, 7) in spans.of(1))


def test_save_and_load_is_identity():
    """Spans come back."""
    spans, other = Spans(), Spans()
    spans.see(1, (0, 2, 7), 5)

    other.load(spans.save())

    assert ({(0, 2, 7): [5, 5]}, {}) == (other.of(1), other.of(2))
