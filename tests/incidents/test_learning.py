"""Who must not be learned from."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.incidents.learning import QUARANTINE_NS, Blocks


def test_reasons_are_counted_by_row():
    """Two incidents of one device are two; the other's rows are free."""
    blocks = Blocks()
    blocks.know("device:a", 3)
    blocks.hold("device:a")
    blocks.hold("device:a")
    blocks.free("device:a")
    blocks.hold("account:b")

    assert [False, False, False, True] == blocks.flags("device", 4).tolist()
    assert not blocks.flags("account", 4).any()
    blocks.know("account:b", 200)
    assert [200] == blocks.flags("account", 300).nonzero()[0].tolist()
    blocks.free("device:a")
    assert not blocks.flags("device", 4).any()


def test_a_quarantine_ends_by_itself():
    """48 hours after the incident."""
    blocks = Blocks()
    blocks.know("device:a", 0)
    blocks.hold("device:a")
    blocks.quarantine("device:a", 5)
    held = []
    for now in (5 + QUARANTINE_NS - 1, 5 + QUARANTINE_NS):
        blocks.advance(now)
        held.append(bool(blocks.flags("device", 1)[0]))

    assert [True, False] == held


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from("hfqr"), st.sampled_from("abc"), st.integers(0, 3)), max_size=40))
def test_a_restart_changes_nothing(steps):
    """Saved, loaded and told the rows again, the same are blocked, now and after the quarantines."""
    one = Blocks()
    rows = {"device:a": 0, "device:b": 1, "device:c": 2}
    for node, row in rows.items():
        one.know(node, row)
    for k, (what, letter, _) in enumerate(steps):
        node = f"device:{letter}"
        if what == "h":
            one.know(node, rows[node])
            one.hold(node)
        elif what == "f":
            one.free(node)
        elif what == "q":
            one.quarantine(node, k)
    again = Blocks()
    again.load(one.save())
    for node in again.nodes:
        again.know(node, rows[node])
    for now in (0, QUARANTINE_NS + 20, QUARANTINE_NS + 99):
        one.advance(now)
        again.advance(now)
        assert one.flags("device", 3).tolist() == again.flags("device", 3).tolist()
