"""The last findings of each entity."""

from sensor.incidents import recent
from sensor.incidents.recent import KEEP_NS, Recent
from tests.incidents.hands import START, seen


def one(k, p=1e-3):
    return seen("scan", "scan", p, START, target=f"{k}")


def test_a_ring_keeps_the_strongest_sixteen():
    """The weakest goes first, and is counted."""
    held = Recent()
    for k in range(20):
        held.put("n", one(k, 10.0 ** -(k + 1)), START + k, "context")

    assert (16, 4) == (len(held.of("n", 0)), held.dropped)
    assert min(entry.finding.evidence.p for entry in held.of("n", 0)) == 10.0**-20


def test_the_same_evidence_grows_and_what_is_old_goes():
    """Heard twice is one entry; two weeks later it is none."""
    held = Recent()
    held.put("n", one(1), START, "context")
    held.put("n", one(1, 1e-5), START + 5, "digest")
    entry = held.of("n", START)[0]
    assert (2, START, START + 5, "digest", 1e-5) == (
        entry.heard, entry.first_ns, entry.last_ns, entry.fate, entry.finding.evidence.p,
    )  # fmt: skip
    held.put("n", one(2), START + 6 + KEEP_NS, "context")

    assert [one(2).evidence.id] == [entry.finding.evidence.id for entry in held.of("n", 0)]


def test_entities_are_bounded_and_follow_their_device(monkeypatch):
    """Who was silent longest goes; a device that is another gives its findings on."""
    monkeypatch.setattr(recent, "ENTITIES_MAX", 2)
    held = Recent()
    for node in ("a", "b", "a", "c"):
        held.put(node, one(node), START, "context")
    held.rename("a", "c")

    assert ([], 2) == (held.of("b", 0), len(held.of("c", 0)))
    again = Recent()
    again.load(held.save(), held.dropped)
    assert 2 == len(again.of("c", 0))
    assert again.pop("c", one("c").evidence.id) is not None
    assert again.pop("c", "none") is None
